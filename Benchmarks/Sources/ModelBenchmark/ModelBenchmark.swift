// One row at a time through a model of 200 trees, beside LightGBM's own single-row fast C API and the model that tl2cgen compiled, in one process.
//
//     Benchmarks/models/run.sh
//
// Prints the median of seven alternating blocks for each, ratios to LightGBM, and the largest difference of the margins from LightGBM's.
import Glibc
import Models

typealias Load = @convention(c) (UnsafePointer<CChar>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<OpaquePointer?>) -> Int32
typealias FastInit = @convention(c) (OpaquePointer, Int32, Int32, Int32, Int32, Int32, UnsafePointer<CChar>, UnsafeMutablePointer<OpaquePointer?>) -> Int32
typealias Fast = @convention(c) (OpaquePointer, UnsafeRawPointer, UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Double>) -> Int32
typealias Compiled = @convention(c) (UnsafeMutableRawPointer, Int32, UnsafeMutablePointer<Double>) -> Void

func nanos() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { preconditionFailure("\(path) cannot be opened") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
    return bytes
}

func function<T>(_ library: UnsafeMutableRawPointer, _ name: String, _: T.Type) -> T {
    guard let symbol = dlsym(library, name) else { preconditionFailure("no \(name)") }
    return unsafeBitCast(symbol, to: T.self)
}

final class Contender {
    let name: String
    let rows: Int
    let body: (Int) -> Double
    var times: [Double] = []
    var worst = 0.0

    init(_ name: String, rows: Int, _ body: @escaping (Int) -> Double) {
        self.name = name
        self.rows = rows
        self.body = body
    }

    var median: Double { times.sorted()[times.count / 2] }
}

@main enum ModelBenchmark {
    static func main() throws {
        // Folder with model.txt and rows.bin (doubles); LightGBM's library; tl2cgen's, or nothing.
        let folder = CommandLine.arguments[1]
        let ensemble = try ModelFile.read(read(folder + "/model.txt"))
        let n = ensemble.featureCount
        let values = read(folder + "/rows.bin").withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
        let rows = values.count / n
        let base = UnsafeMutablePointer<Double>.allocate(capacity: values.count)
        for (i, value) in values.enumerated() { base[i] = value }

        guard let lightgbm = dlopen(CommandLine.arguments[2], RTLD_NOW) else { preconditionFailure("no LightGBM") }
        let load = function(lightgbm, "LGBM_BoosterCreateFromModelfile", Load.self)
        let begin = function(lightgbm, "LGBM_BoosterPredictForMatSingleRowFastInit", FastInit.self)
        let fast = function(lightgbm, "LGBM_BoosterPredictForMatSingleRowFast", Fast.self)
        var booster: OpaquePointer?
        var iterations: Int32 = 0
        let loaded = load(folder + "/model.txt", &iterations, &booster)
        guard loaded == 0, let booster else { preconditionFailure("LightGBM does not read the model") }
        var configs: [OpaquePointer?] = [nil, nil]
        let codes = [begin(booster, 1, 0, -1, 1, Int32(n), "num_threads=1", &configs[0]), begin(booster, 3, 0, -1, 1, Int32(n), "num_threads=1", &configs[1])]
        guard codes == [0, 0], let raw = configs[0], let shap = configs[1] else { preconditionFailure("LightGBM does not take single rows") }
        var length: Int64 = 0
        let out = UnsafeMutablePointer<Double>.allocate(capacity: n + 1)

        var contenders = [
            Contender("LightGBM, single row, fast C API", rows: rows) { i in
                _ = fast(raw, base + i * n, &length, out)
                return out[0]
            }
        ]
        if CommandLine.arguments.count > 3, let library = dlopen(CommandLine.arguments[3], RTLD_NOW) {
            let compiled = function(library, "predict", Compiled.self)
            // An entry is a union of a missing mark (−1) and the value.
            let entries = UnsafeMutablePointer<Double>.allocate(capacity: n)
            contenders.append(
                Contender("tl2cgen, compiled", rows: rows) { i in
                    for f in 0..<n {
                        let x = base[i * n + f]
                        entries[f] = x
                        if x.isNaN { UnsafeMutableRawPointer(entries + f).storeBytes(of: -1, as: Int32.self) }
                    }
                    out[0] = 0  // it adds to what is there
                    compiled(UnsafeMutableRawPointer(entries), 1, out)
                    return out[0]
                })
        }
        let reference = ReferencePredictor(ensemble)
        contenders.append(Contender("plain walk (reference)", rows: rows / 10) { i in reference.margin((0..<n).map { base[i * n + $0] }) })
        for layout in FastPredictor.Layout.allCases {
            if let predictor = try? FastPredictor(ensemble, layout: layout) { contenders.append(Contender("Weir, \(layout.rawValue)", rows: rows) { predictor.margin(base + $0 * n) }) }
        }
        let margins = (0..<rows).map { contenders[0].body($0) }
        race(contenders, margins)

        let best = try FastPredictor(ensemble)
        let parts = [
            Contender("LightGBM, pred_contrib", rows: rows / 100) { i in
                _ = fast(shap, base + i * n, &length, out)
                return (0...n).reduce(0.0) { $0 + out[$1] }
            },
            Contender("Weir, contributions", rows: rows / 100) { i in
                let bias = best.contributions(base + i * n, logOdds: best.logOdds(base + i * n), into: out)
                return (0..<n).reduce(bias) { $0 + out[$1] }
            },
        ]
        race(parts, margins)
    }

    static func race(_ contenders: [Contender], _ margins: [Double]) {
        for _ in 0..<7 {
            for one in contenders {
                let start = nanos()
                for i in 0..<one.rows { one.worst = max(one.worst, abs(one.body(i) - margins[i])) }
                one.times.append((nanos() - start) / Double(one.rows))
            }
        }
        for one in contenders {
            let name = one.name + String(repeating: " ", count: max(0, 36 - one.name.count))
            let times = (contenders[0].median / one.median * 100).rounded() / 100
            print("\(name) \(Int(one.median)) ns a row, \(times) times as fast as LightGBM, largest difference \(one.worst)")
        }
    }
}
