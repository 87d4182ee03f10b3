import Foundation
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import AWS

/// moto's S3, which knows its users and looks at signatures.
@Suite(.enabled(if: AWSPython.isThere, AWSPython.skipping), .serialized)
struct MotoTests {
    private func s3(_ environment: [String: String]) throws -> S3 { S3(bucket: "models", try AWSEnvironment(environment), client: try HTTPClient(), pause: { _ in }) }

    @Test func `lists and reads hostile keys with temporary credentials, and nobody else may`() throws {
        let moto = try LocalS3()
        let keys = ["m/1/manifest.json", "m/1/ä b+c&d=e;f@g:h,i'j.txt", "m/1/%2F%20", "m/2//x", "m/😀/~", "m/!*()$", "n/other"]
        for (number, key) in keys.enumerated() { try moto.put(key, [UInt8](repeating: UInt8(number), count: 1_000 * number)) }
        let s3 = try s3(moto.environment)
        let listed = try s3.list(prefix: "m/")
        #expect(listed.map(\.key) == keys.filter { $0.hasPrefix("m/") }.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
        for object in listed {
            let number = try #require(keys.firstIndex(of: object.key))
            let taken = Mutex<[UInt8]>([])
            try s3.get(object, restart: { taken.withLock { $0 = [] } }) { piece in
                taken.withLock { $0 += piece }
                return true
            }
            #expect(taken.withLock { $0 } == [UInt8](repeating: UInt8(number), count: 1_000 * number), "\(object.key)")
        }
        // Replaced since it was listed.
        try moto.put("m/1/manifest.json", [1])
        let replaced = try #require(listed.first { $0.key == "m/1/manifest.json" })
        #expect(throws: AWSError.self) { try s3.get(replaced, restart: {}, take: { _ in true }) }
        for (name, value) in [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN"), ("AWS_SESSION_TOKEN", "")] {
            #expect(throws: AWSError.self, "\(name)") { try self.s3(moto.environment.merging([name: value]) { $1 }).list(prefix: "m/") }
        }
    }

    @Test func `a list of more than a page`() throws {
        let moto = try LocalS3()
        for number in 0..<1_203 { try moto.put("many/\(number)", []) }
        #expect(try s3(moto.environment).list(prefix: "many/").count == 1_203)
    }
}

/// OpenStack Swift's s3api, an independent verifier that is strict on signatures, dates and regions: `make check-s3` installs it and sets `WEIR_S3API`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["WEIR_S3API"] != nil, "not held against OpenStack Swift's s3api: make check-s3"), .serialized)
struct StrictS3Tests {
    private func s3(_ environment: [String: String], wall: @escaping () -> Instant = Instant.wall) throws -> S3 {
        S3(bucket: "models", try AWSEnvironment(environment), client: try HTTPClient(), time: ServiceTime(wall: wall), pause: { _ in })
    }

    private func read(_ s3: S3, _ object: S3Object) throws -> [UInt8] {
        let taken = Mutex<[UInt8]>([])
        try s3.get(object, restart: { taken.withLock { $0 = [] } }) { piece in
            taken.withLock { $0 += piece }
            return true
        }
        return taken.withLock { $0 }
    }

    @Test func `signatures, regions and dates hold before a strict verifier`() throws {
        let server = try LocalS3.strict()
        var chance = SystemRandomNumberGenerator()
        let letters = Array("ab/ .+%&=;:@,'!*()$~_-é中😀")
        let keys = ["m/1/manifest.json", "m/%2F%20", "m//x", "m/ä b+c&d=e;f@g:h,i'j.txt"] + (0..<60).map { number in
            "m/\(number)-" + String((0..<20).map { _ in letters.randomElement(using: &chance)! })
        }
        for (number, key) in keys.enumerated() { try server.put(key, [UInt8](repeating: UInt8(number), count: 100 * number)) }
        let s3 = try s3(server.environment)
        let listed = try s3.list(prefix: "m/")
        #expect(Set(listed.map(\.key)) == Set(keys))
        for object in listed {
            let number = try #require(keys.firstIndex(of: object.key))
            #expect(try read(s3, object) == [UInt8](repeating: UInt8(number), count: 100 * number), "\(object.key)")
        }
        // Another region, and another time: both are put right by what the service says.
        let elsewhere = try self.s3(server.environment.merging(["AWS_REGION": "us-west-2"]) { $1 })
        #expect(try elsewhere.list(prefix: "m/").count == keys.count && elsewhere.region == server.environment["AWS_REGION"])
        for offset: Int64 in [-86_400, -1_200, 1_200, 86_400] {
            let s3 = try self.s3(server.environment, wall: { Instant(seconds: Instant.wall().seconds + offset) })
            #expect(try s3.list(prefix: "m/").count == keys.count, "\(offset) s")
        }
        for (name, value) in [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "test:nobody")] {
            #expect(throws: AWSError.self, "\(name)") { try self.s3(server.environment.merging([name: value]) { $1 }).list(prefix: "m/") }
        }
    }
}
