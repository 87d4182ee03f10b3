/// A file's own dictionary of categories: by code, in order, the value that a data frame had in training.
///
/// The libraries look values up in it before they score; what is scored here are the codes themselves. Both are the same where the values are 0, 1, 2 and so
/// on. Any other dictionary is refused: each category would be taken for another.
enum CategoryDictionary {
    /// - Parameters:
    ///   - values: a list of values, the code of each being its place.
    ///   - whose: the place in the file, for the message.
    /// - Throws: `ModelRefusal` where a value is not its own code.
    /// - Complexity: O(bytes).
    static func check(_ values: ModelJSON, _ whose: String) throws(ModelRefusal) {
        guard let numbers = values.doubles, numbers.indices.allSatisfy({ numbers[$0] == Double($0) }) else { throw refusal(whose) }
    }

    static func refusal(_ whose: String) -> ModelRefusal {
        .unsupported("categories of a data frame (\(whose))", instead: "train on their codes, whole numbers from 0, and score those")
    }
}
