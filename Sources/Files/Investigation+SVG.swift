internal import Glibc

extension Investigation {
    /// The graph around the account as a picture: itself in the middle, its counterparties around it, theirs further out.
    public func svg(limit: Int = 16) -> String {
        let (inner, outer, edges) = surroundings(limit)
        let middle = 460.0
        var places: [Int: (x: Double, y: Double)] = [:]
        func ring(_ accounts: [Int], _ radius: Double, _ turn: Double) {
            for (i, account) in accounts.enumerated() {
                let angle = 2 * Double.pi * (Double(i) + turn) / Double(max(1, accounts.count))
                places[account] = (middle + radius * cos(angle), middle + radius * sin(angle))
            }
        }
        ring(inner, 210, 0)
        ring(outer, 390, 0.5)
        let known = Set(inner + outer)
        for edge in edges {
            for end in [edge.pair.from, edge.pair.to] where !known.contains(end) { places[end] = (middle, middle) }
        }
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 920" font-family="sans-serif" font-size="11">
            <defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>

            """
        for edge in edges {
            let (a, b) = (places[edge.pair.from]!, places[edge.pair.to]!)
            let length = max(1, ((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y)).squareRoot())
            let (dx, dy) = ((b.x - a.x) / length, (b.y - a.y) / length)
            // A little beside the straight line, so that there and back do not lie on each other.
            let (sx, sy) = (-dy * 4, dx * 4)
            text += "<line x1=\"\(place(a.x + dx * 26 + sx))\" y1=\"\(place(a.y + dy * 26 + sy))\" x2=\"\(place(b.x - dx * 26 + sx))\" y2=\"\(place(b.y - dy * 26 + sy))\""
            text += " stroke=\"#999\" marker-end=\"url(#a)\"/>\n"
            text += "<text x=\"\(place((a.x + b.x) / 2 + sx * 2))\" y=\"\(place((a.y + b.y) / 2 + sy * 2))\" fill=\"#555\" font-size=\"9\" text-anchor=\"middle\">"
            text += "\(edge.flow.count) × \(money(Int128(edge.flow.sum)))</text>\n"
        }
        for (account, at) in places.sorted(by: { names[$0.key] < names[$1.key] }) {
            let fill = at.x == middle && at.y == middle ? "#f4b6b6" : inner.contains(account) ? "#fbe3c0" : "#eeeeee"
            text += "<circle cx=\"\(place(at.x))\" cy=\"\(place(at.y))\" r=\"24\" fill=\"\(fill)\" stroke=\"#888\"/>\n"
            text += "<text x=\"\(place(at.x))\" y=\"\(place(at.y + 4))\" text-anchor=\"middle\">\(escaped(names[account]))</text>\n"
        }
        return text + "</svg>\n"
    }

    private func place(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private func escaped(_ name: String) -> String {
        var out = ""
        for c in name {
            switch c {
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "&": out += "&amp;"
            case "\"": out += "&quot;"
            default: out.append(c)
            }
        }
        return out
    }
}
