import Glibc

/// Writes to stdout: data.
func printOut(_ text: String) { write(text, 1) }

/// Writes to stderr: talk.
func printError(_ text: String) { write(text, 2) }

private func write(_ text: String, _ descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var rest = UnsafeRawBufferPointer(bytes)
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }  // nobody reads any more (`weir config | head`): there is nobody to tell
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
