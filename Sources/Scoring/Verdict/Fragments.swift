/// Pieces of text that are known when the engine is made, side by side in one block, so that a verdict copies them whole.
final class Fragments {
    /// A piece: where it lies in the block, and how long it is.
    struct Piece {
        var offset = 0
        var count = 0
    }

    private var bytes: [UInt8] = []
    private var block: UnsafeMutablePointer<UInt8>?

    deinit { block?.deallocate() }

    func add(_ text: String) -> Piece {
        precondition(block == nil, "no piece is added once the block is made")
        let piece = Piece(offset: bytes.count, count: text.utf8.count)
        bytes += text.utf8
        return piece
    }

    /// The block of all pieces, followed by bytes that may be read.
    func make() -> UnsafePointer<UInt8> {
        if let block { return UnsafePointer(block) }
        let new = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + ByteCursor.slack)
        new.initialize(repeating: 0, count: bytes.count + ByteCursor.slack)
        for (i, byte) in bytes.enumerated() { new[i] = byte }
        block = new
        return UnsafePointer(new)
    }
}
