// The peer that keeps events in a database: RocksDB holds each event once for each of the six entities that it names, by entity and time. A transaction is
// one batch of six puts, and six scans over the longest window, which give the statistics of all three: count, sum, maximum, sum of squares, distinct values.
//
//     g++ -O3 -std=c++17 rocksdb.cpp -lrocksdb -o rocksdb && ./rocksdb folder [fill] [measured] [perWeek]
//
// The traffic is that of VelocityBenchmark (Payments.swift), number for number. All that is written stays in the cache and in memtables; nothing is compressed
// or synced. Prints nanoseconds of processor time a transaction, resident memory, and the bytes of the database's files.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <unordered_set>
#include <vector>

static const int64_t lengths[3] = {3600000, 86400000, 604800000};

struct Event {
    int64_t time, amount;
    uint64_t account, counterparty, merchant, card, device, ip, country, transaction;
};

/// Zipf's law by Walker's aliases.
struct Zipf {
    std::vector<uint32_t> alias;
    std::vector<float> share;
    Zipf(uint32_t n, double s) : alias(n), share(n, 1) {
        std::vector<double> p(n);
        std::vector<uint32_t> low, high;
        double total = 0;
        for (uint32_t i = 0; i < n; i++) total += p[i] = pow(i + 1, -s), alias[i] = i;
        for (uint32_t i = 0; i < n; i++) (p[i] *= n / total) < 1 ? low.push_back(i) : high.push_back(i);
        while (!low.empty() && !high.empty()) {
            uint32_t l = low.back(), h = high.back();
            low.pop_back();
            share[l] = p[l];
            alias[l] = h;
            if ((p[h] -= 1 - p[l]) < 1) high.pop_back(), low.push_back(h);
        }
    }
    uint32_t pick(uint64_t r) const {
        uint32_t i = (r >> 32) * alias.size() >> 32;
        return (float)(r & 0xffffff) / 16777216 < share[i] ? i : alias[i];
    }
};

struct Payments {
    uint64_t state = 42;
    double now = 1000, step;
    Zipf accounts{1000000, 1.0}, merchants{100000, 0.7};
    explicit Payments(double perWeek) : step(604800000 / perWeek) {}
    static uint64_t mixed(uint64_t z) {
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
    static uint64_t key(uint64_t kind, uint64_t i) { return mixed((kind << 40 | (i + 1)) * 0x9e3779b97f4a7c15) | 1; }
    uint64_t random() { return mixed(state += 0x9e3779b97f4a7c15); }
    Event next() {
        Event e;
        now += step * 2 * ((random() >> 11) * 0x1p-53);
        e.time = 1795521600000 + (int64_t)now;
        uint64_t account = accounts.pick(random());
        e.account = key(1, account);
        e.merchant = key(2, merchants.pick(random()));
        e.device = key(3, random() % 500000);
        e.counterparty = key(1, random() % 1000000);
        e.card = key(4, account);
        e.ip = key(5, random() % 200000);
        e.country = key(6, random() % 10 < 8 ? 0 : random() % 40);
        e.transaction = random();
        uint64_t r = random();
        double sum = (double)(r & 0xffff) + (double)(r >> 16 & 0xffff) + (double)(r >> 32 & 0xffff);
        e.amount = exp(4 + (sum / 65536 - 1.5) * 4 + 4);
        return e;
    }
};

/// Kind, entity, time (both with the highest byte first, so that an entity's events lie together by time), transaction.
struct Key {
    char bytes[25];
    Key(int kind, uint64_t entity, int64_t time, uint64_t transaction) {
        bytes[0] = kind;
        entity = __builtin_bswap64(entity), time = __builtin_bswap64(time), transaction = __builtin_bswap64(transaction);
        memcpy(bytes + 1, &entity, 8), memcpy(bytes + 9, &time, 8), memcpy(bytes + 17, &transaction, 8);
    }
    rocksdb::Slice slice() const { return {bytes, sizeof bytes}; }
};

struct Value {
    int64_t amount;
    uint64_t values[4];
};

struct Window {
    int64_t count = 0, max = 0;
    __int128 sum = 0, squares = 0;
    size_t distinct[4] = {0, 0, 0, 0};
};

/// From the newest event back, so that the shorter windows are done first.
static void read(rocksdb::Iterator *at, int kind, uint64_t entity, int64_t time, int values, Window *out) {
    static std::unordered_set<uint64_t> seen[4];
    for (auto &set : seen) set.clear();
    Window sums;
    int w = 0;
    for (at->SeekForPrev(Key(kind, entity, time, ~0ull).slice()); at->Valid(); at->Prev()) {
        const char *key = at->key().data();
        uint64_t there;
        int64_t when;
        memcpy(&there, key + 1, 8), memcpy(&when, key + 9, 8);
        when = __builtin_bswap64(when);
        if (key[0] != kind || __builtin_bswap64(there) != entity) break;
        while (w < 3 && when <= time - lengths[w]) out[w++] = sums;
        if (w == 3) break;
        Value value;
        memcpy(&value, at->value().data(), at->value().size());
        sums.count++;
        sums.sum += value.amount;
        sums.squares += (__int128)value.amount * value.amount;
        if (value.amount > sums.max) sums.max = value.amount;
        for (int d = 0; d < values; d++) sums.distinct[d] += seen[d].insert(value.values[d]).second;
    }
    while (w < 3) out[w++] = sums;
}

static double processorNanos() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static double resident() {
    long all = 0, bytes = 0;
    if (FILE *f = fopen("/proc/self/statm", "r")) {
        if (fscanf(f, "%ld %ld", &all, &bytes) != 2) bytes = 0;
        fclose(f);
    }
    return bytes * 4096.0;
}

int main(int count, char **arguments) {
    if (count < 2) return fprintf(stderr, "rocksdb folder [fill] [measured] [perWeek]\n"), 2;
    long fill = count > 2 ? atol(arguments[2]) : 500000, measured = count > 3 ? atol(arguments[3]) : 2000;
    Payments payments(count > 4 ? atof(arguments[4]) : 5000000);
    double before = resident();

    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.write_buffer_size = 64 << 20;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(4ull << 30);
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB *opened = nullptr;
    auto status = rocksdb::DB::Open(options, arguments[1], &opened);
    std::unique_ptr<rocksdb::DB> db(opened);
    if (!status.ok()) return fprintf(stderr, "%s\n", status.ToString().c_str()), 1;
    rocksdb::WriteOptions writing;
    writing.disableWAL = true;

    auto put = [&](const Event &e) {
        rocksdb::WriteBatch batch;
        Value own{e.amount, {e.merchant, e.counterparty, e.device, e.country}}, other{e.amount, {e.account, 0, 0, 0}};
        rocksdb::Slice wide((char *)&own, sizeof own), narrow((char *)&other, 16);
        const uint64_t entities[6] = {e.account, e.counterparty, e.card, e.device, e.ip, e.merchant};
        for (int kind = 0; kind < 6; kind++) batch.Put(Key(kind, entities[kind], e.time, e.transaction).slice(), kind == 0 ? wide : narrow);
        if (!db->Write(writing, &batch).ok()) exit(1);
    };
    for (long i = 0; i < fill; i++) put(payments.next());

    double sink = 0, spent = 0;
    for (long i = 0; i < measured; i++) {
        Event e = payments.next();
        double start = processorNanos();
        put(e);
        std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(rocksdb::ReadOptions()));
        const uint64_t entities[6] = {e.account, e.counterparty, e.card, e.device, e.ip, e.merchant};
        Window out[3];
        for (int kind = 0; kind < 6; kind++) {
            read(at.get(), kind, entities[kind], e.time, kind == 0 ? 4 : 1, out);
            sink += out[2].count + out[1].distinct[0];
        }
        // The account's own inflow is read too.
        read(at.get(), 1, e.account, e.time, 1, out);
        sink += out[2].count;
        spent += processorNanos() - start;
    }
    uint64_t files = 0;
    db->GetIntProperty("rocksdb.total-sst-files-size", &files);
    printf("RocksDB, %ld held: %.0f ns of processor time a transaction; %.0f bytes of resident memory and %.0f of files a transaction (%.0f)\n", fill,
           spent / (measured > 0 ? measured : 1), (resident() - before) / (fill + measured), (double)files / (fill + measured), sink);
    return 0;
}
