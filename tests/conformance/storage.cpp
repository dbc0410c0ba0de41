// Conformance of storage: memory of every type, its copies, fills, sums and readings.
#include "conformance/support.hpp"

#include <utility>

namespace kasmina::conformance {

TEST_CASE("storage copies, fills and adds what it is told", "[B-7][E-1]") {
    for (const Index count : {1, 3, 13, 70, 1000, 40000}) {
        INFO(count << " values");
        const Values x = normal(count, 1);
        const Values y = normal(count, 2);
        check_against_oracle([&]<class B>(Run<B>& run) {
            B::copy(run.context, run.in(x), run.out(count), count);
            B::fill(run.context, run.out(count), count, typename B::Scalar(2.5));
            B::add(run.context, run.in(x), run.inout(y), count);
            B::fill(run.context, run.doubles_out(count), count, 1e300);
            B::fill(run.context, run.integers_out(count), count, 7);
        });
    }
}

template <class B, class V>
void check_memory_of() {
    typename B::Context context{};
    for (const Index count : {0, 1, 70}) {
        CHECK(B::template acquire<V>(context, count).size() == count);
        CHECK(B::template persistent<V>(context, count).size() == count);
    }
    CHECK(typename B::template Buffer<V>{}.size() == 0);
}

TEMPLATE_LIST_TEST_CASE("acquired memory has the size that was asked for", "[B-7]", Backends) {
    check_memory_of<TestType, typename TestType::Scalar>();
    check_memory_of<TestType, double>();
    check_memory_of<TestType, std::int32_t>();
    check_memory_of<TestType, std::int64_t>();
}

/// Few values and many: a reading may keep them in different places.
template <class B, class V>
void check_reading_of() {
    typename B::Context context{};
    for (const Index count : {1, 2, 16, 17, 1000}) {
        INFO(count << " values");
        std::vector<V> values;
        for (Index i = 0; i < count; ++i) values.push_back(static_cast<V>(i - 5));
        auto buffer = B::template acquire<V>(context, count);
        B::upload(context, values.data(), buffer.data(), count);
        auto reading = B::template read<V>(context, buffer.data(), count);
        // What happens to the memory, and to the reading, after the call does not count.
        B::fill(context, buffer.data(), count, V(99));
        buffer = {};
        auto moved = std::move(reading);
        const std::span<const V> got = moved.get();
        CHECK(std::vector<V>(got.begin(), got.end()) == values);
        const std::span<const V> again = moved.get();
        CHECK(std::equal(again.begin(), again.end(), values.begin(), values.end()));
    }
}

TEMPLATE_LIST_TEST_CASE("a reading shows what was there when it was asked for", "[B-7]", Backends) {
    check_reading_of<TestType, typename TestType::Scalar>();
    check_reading_of<TestType, double>();
    check_reading_of<TestType, std::int32_t>();
    check_reading_of<TestType, std::int64_t>();
}

TEMPLATE_LIST_TEST_CASE("host memory may be overwritten when an upload returns", "[B-7]",
                        Backends) {
    using T = typename TestType::Scalar;
    typename TestType::Context context{};
    std::vector<T> values{1, 2, 3};
    auto buffer = TestType::template acquire<T>(context, 3);
    TestType::upload(context, values.data(), buffer.data(), 3);
    values.assign(3, T(-1));
    auto reading = TestType::template read<T>(context, buffer.data(), 3);
    const std::span<const T> got = reading.get();
    CHECK(std::vector<T>(got.begin(), got.end()) == std::vector<T>{1, 2, 3});
    TestType::synchronise(context);
}

}  // namespace kasmina::conformance
