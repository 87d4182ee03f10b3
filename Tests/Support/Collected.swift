import Synchronization

/// What callbacks on other threads leave behind.
public final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    public init() {}
    public func append(_ element: Element) { elements.withLock { $0.append(element) } }
    public var all: [Element] { elements.withLock { $0 } }
}
