// A loader's epochs: every sample once, in an order that the generator alone decides, ahead or not.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <kasmina/data/host_loader.hpp>

#include "data/numbered.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/sanitizers.hpp"

#if defined(__linux__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace kasmina::host_loader_test {
namespace {

using test::collect;
using test::epoch;
using test::Made;
using test::numbered;
using Samples = data::LabelledSamples<float>;
using Loader = data::HostLoader<Samples, data::RandomFlipCrop>;

constexpr data::RandomFlipCrop both{.flip = true, .padding = 2};

TEST_CASE("an epoch holds every sample once, in an order of its own", "[data][N-6]") {
    const Samples set = numbered(50);
    data::HostLoader<Samples> loader(set, {.batch_size = 16}, Generator(1));
    CHECK(loader.next() == nullptr);  // no epoch has begun
    CHECK(loader.batches_per_epoch() == 4);
    std::vector<std::vector<float>> orders;
    for (int i = 0; i < 2; ++i) {
        const Made made = epoch(loader);
        CHECK(made.counts == std::vector<std::size_t>{16, 16, 16, 2});
        std::vector<float> order;
        for (std::size_t k = 0; k < 50; ++k) {
            order.push_back(made.values[40 * k] / 100.0F);
            CHECK(made.labels[k] == static_cast<std::int32_t>(order.back()) % 10);
        }
        orders.push_back(order);
    }
    CHECK(orders[0] != orders[1]);
    std::ranges::sort(orders[0]);
    for (std::size_t k = 0; k < 50; ++k) CHECK(orders[0][k] == static_cast<float>(k));
}

TEST_CASE("the order of an epoch is the one that it has always been", "[data][N-6][E-3]") {
    const Samples set = numbered(8);
    data::HostLoader<Samples> loader(set, {.batch_size = 8}, Generator(5, 1));
    std::vector<int> order;
    for (const std::int32_t label : epoch(loader).labels) order.push_back(label);
    CHECK(order == std::vector<int>{3, 2, 1, 0, 7, 5, 6, 4});
}

TEST_CASE("a short last batch is kept or left out, and an epoch need not be shuffled",
          "[data][N-6]") {
    const Samples set = numbered(10);
    data::HostLoader<Samples> whole(set, {.batch_size = 4, .shuffle = false}, Generator(1));
    const Made in_order = epoch(whole);
    CHECK(in_order.counts == std::vector<std::size_t>{4, 4, 2});
    CHECK(in_order.labels == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    data::HostLoader<Samples> full(set, {.batch_size = 4, .shuffle = false, .drop_last = true},
                                   Generator(1));
    CHECK(full.batches_per_epoch() == 2);
    CHECK(full.samples_per_epoch() == 8);
    CHECK(whole.samples_per_epoch() == 10);
    CHECK(epoch(full).counts == std::vector<std::size_t>{4, 4});
    CHECK(epoch(full).counts == std::vector<std::size_t>{4, 4});
    data::HostLoader<Samples> all(set, {.batch_size = std::numeric_limits<std::size_t>::max()},
                                  Generator(1));
    CHECK(all.batches_per_epoch() == 1);
    CHECK(all.samples_per_epoch() == 10);
    CHECK(epoch(all).counts == std::vector<std::size_t>{10});
    const Samples none({2}, std::vector<float>{}, {}, 3);
    data::HostLoader<Samples> empty(none, {.batch_size = 4}, Generator(1));
    empty.start_epoch();
    CHECK(empty.next() == nullptr);
}

TEST_CASE("with prefetching and without the same bits are handed out", "[data][N-6]") {
    const Samples set = numbered(30);
    Loader ahead(set, {.batch_size = 8}, Generator(5), both);
    Loader not_ahead(set, {.batch_size = 8, .prefetch = false}, Generator(5), both);
    for (int i = 0; i < 5; ++i) {
        CHECK(epoch(ahead) == epoch(not_ahead));
        CHECK(ahead.state() == not_ahead.state());
    }
    // An epoch that is broken off: what was made ahead of it leaves no trace.
    for (Loader* loader : {&ahead, &not_ahead}) {
        loader->start_epoch();
        REQUIRE(loader->next() != nullptr);
    }
    CHECK(ahead.state() == not_ahead.state());
    CHECK(epoch(ahead) == epoch(not_ahead));
}

TEST_CASE("a loader goes on from the middle of an epoch: position, order and augmentation",
          "[data][N-6][E-3][C-6]") {
    const Samples set = numbered(30);
    const auto rest_and_next_epoch = [](Loader& loader) {
        Made made;
        collect(loader, made);
        loader.start_epoch();
        collect(loader, made);
        return made;
    };
    for (const bool prefetch : {false, true}) {
        for (int done = 0; done <= 4; ++done) {
            CAPTURE(done, prefetch);
            const data::LoaderOptions options{.batch_size = 8, .prefetch = prefetch};
            Loader first(set, options, Generator(5), both);
            first.start_epoch();
            for (int batch = 0; batch < done; ++batch) REQUIRE(first.next() != nullptr);
            const data::LoaderState state = first.state();
            Loader resumed(set, options, Generator(99), both);
            resumed.restore(state);
            CHECK(resumed.state() == state);
            const Made expected = rest_and_next_epoch(first);
            CHECK(rest_and_next_epoch(resumed) == expected);
            // It goes back as well, whatever it has made ahead.
            first.restore(state);
            CHECK(rest_and_next_epoch(first) == expected);
        }
    }
}

TEST_CASE("a state of another set or batch size is refused, and nothing is changed",
          "[data][N-6][E-2]") {
    const Samples set = numbered(30);
    Loader first(set, {.batch_size = 8}, Generator(5), both);
    first.start_epoch();
    REQUIRE(first.next() != nullptr);
    Loader other(set, {.batch_size = 7}, Generator(5), both);
    const data::LoaderState before = other.state();
    CHECK_THROWS_AS(other.restore(first.state()), StateError);
    CHECK(other.state() == before);
    data::LoaderState wrong = first.state();
    wrong.random.word = 7;
    CHECK_THROWS_AS(first.restore(wrong), OptionError);
    wrong = first.state();
    wrong.samples = 31;
    CHECK_THROWS_AS(first.restore(wrong), StateError);
    CHECK(first.next()->count == 8);

    // In mid-epoch, also where the place is one of the other's; between epochs it is their own.
    for (const data::LoaderOptions& options :
         {data::LoaderOptions{.batch_size = 4}, data::LoaderOptions{.batch_size = 16},
          data::LoaderOptions{.batch_size = 8, .shuffle = false},
          data::LoaderOptions{.batch_size = 8, .drop_last = true}}) {
        Loader same_place(set, options, Generator(5), both);
        data::LoaderState state = first.state();
        REQUIRE(state.next == 16);
        const data::LoaderState present = same_place.state();
        CHECK_THROWS_AS(same_place.restore(state), StateError);
        CHECK(same_place.state() == present);
        for (const std::size_t place : {std::size_t{0}, std::size_t{30}}) {
            state.next = place;
            CHECK_NOTHROW(same_place.restore(state));
        }
    }
    const std::string text = test::error_text<StateError>([&] { other.restore(first.state()); });
    INFO(text);
    CHECK(test::mentions(text, "expected batches of 7, shuffled"));
    CHECK(test::mentions(text, "got batches of 8, shuffled"));
    wrong = first.state();
    wrong.batch_size = 0;
    CHECK_THROWS_AS(first.restore(wrong), StateError);
    data::LoaderState old = first.state();  // of a file that did not say
    old.batch_size.reset();
    old.shuffle.reset();
    old.drop_last.reset();
    CHECK_NOTHROW(first.restore(old));
    CHECK(first.next()->count == 8);
}

TEST_CASE("an epoch whose last batch is left out is over for other batches too",
          "[data][N-6][E-3]") {
    const Samples set = numbered(30);
    const data::LoaderOptions full{.batch_size = 8, .drop_last = true};
    Loader first(set, full, Generator(5), both);
    first.start_epoch();
    while (first.next() != nullptr) {
    }
    const data::LoaderState over = first.state();
    REQUIRE(over.next == 24);
    Loader same(set, full, Generator(9), both);
    same.restore(over);
    CHECK(same.state() == over);
    Loader smaller(set, {.batch_size = 5}, Generator(9), both);
    smaller.restore(over);
    CHECK(smaller.next() == nullptr);
    smaller.start_epoch();
    CHECK(smaller.next()->count == 5);
}

TEST_CASE("a loader that cannot be is an error", "[data][N-6][E-2]") {
    const Samples set = numbered(10);
    const auto with = [&](data::LoaderOptions options, data::RandomFlipCrop augment) {
        Loader(set, options, Generator(1), augment);
    };
    CHECK_THROWS_AS(with({.batch_size = 0}, {}), OptionError);
    CHECK_THROWS_AS(with({.batch_size = 11, .drop_last = true}, {}), OptionError);
    CHECK_THROWS_AS(with({.batch_size = 4}, {.padding = -1}), OptionError);
    CHECK_THROWS_AS(with({.batch_size = 4}, {.padding = 4}), OptionError);
    CHECK_THROWS_AS(Samples({2}, {1.0F}, {0}, 1), ShapeError);
    const Samples flat({6}, std::vector<float>(12), {0, 1}, 2);
    CHECK_THROWS_AS(Loader(flat, {.batch_size = 1}, Generator(1), both), ShapeError);
    Loader loader(set, {.batch_size = 4}, Generator(1), both);
    const Loader moved = std::move(loader);
    CHECK_THROWS_AS(loader.start_epoch(), LifetimeError);
    CHECK_THROWS_AS(static_cast<void>(loader.next()), LifetimeError);
    CHECK_THROWS_AS(static_cast<void>(loader.state()), LifetimeError);
}

/// Fails to read while it is told to.
struct Broken {
    using Value = float;
    const Samples& samples;
    std::atomic<int>& failures;

    [[nodiscard]] std::size_t count() const { return samples.count(); }
    [[nodiscard]] Shape sample_shape() const { return samples.sample_shape(); }
    void read(std::size_t place, std::span<float> to) const {
        if (failures > 0) {
            --failures;
            throw std::runtime_error("the disk is gone");
        }
        samples.read(place, to);
    }
    [[nodiscard]] std::int32_t label(std::size_t place) const { return samples.label(place); }
    [[nodiscard]] Index class_count() const { return samples.class_count(); }
};

TEST_CASE("what goes wrong while a batch is made reaches who asks for it, and can be tried again",
          "[data][N-6][E-2]") {
    const Samples set = numbered(30);
    for (const bool prefetch : {false, true}) {
        CAPTURE(prefetch);
        const data::LoaderOptions options{.batch_size = 8, .prefetch = prefetch};
        Loader sound(set, options, Generator(5), both);
        std::atomic<int> failures{0};
        const Broken broken{set, failures};
        data::HostLoader<Broken, data::RandomFlipCrop> loader(broken, options, Generator(5), both);
        loader.start_epoch();
        failures = 1;
        CHECK_THROWS_WITH(static_cast<void>(loader.next()), "the disk is gone");
        REQUIRE(loader.next() != nullptr);
        // The next may be made already; it or the one after it fails, and comes when asked for
        // again.
        failures = 1;
        int thrown = 0;
        int batches = 0;
        for (bool over = false; !over;) {
            try {
                over = loader.next() == nullptr;
                batches += over ? 0 : 1;
            } catch (const std::runtime_error&) {
                ++thrown;
            }
        }
        CHECK(thrown == 1);
        CHECK(batches == 3);
        static_cast<void>(epoch(sound));
        CHECK(epoch(loader) == epoch(sound));
        // One that fails is ended like another.
        loader.start_epoch();
        REQUIRE(loader.next() != nullptr);
        failures = 100;
    }
}

TEST_CASE("a loader may move and end while a batch is made", "[data][N-6][E-4]") {
    const Samples set = numbered(30);
    Loader first(set, {.batch_size = 8}, Generator(5), both);
    first.start_epoch();
    REQUIRE(first.next() != nullptr);
    Loader second = std::move(first);
    CHECK(second.next()->count == 8);
    Loader third(set, {.batch_size = 8}, Generator(5), both);
    third.start_epoch();
    REQUIRE(third.next() != nullptr);
    third = std::move(second);
    CHECK(third.next()->count == 8);
}

TEST_CASE("a loader that is moved to itself is what it was", "[data][N-6][E-4]") {
    const Samples set = numbered(10);
    data::HostLoader<Samples> loader(set, {.batch_size = 4}, Generator(1));
    loader.start_epoch();
    REQUIRE(loader.next() != nullptr);
    data::HostLoader<Samples>& same = loader;
    loader = std::move(same);
    Made rest;
    collect(loader, rest);
    CHECK(rest.counts == std::vector<std::size_t>{4, 2});
}

// ThreadSanitizer refuses threads in the child of a process that has some.
#if defined(__linux__) && !defined(KASMINA_TEST_THREAD_SANITIZER)
TEST_CASE("a forked child goes on with a thread of its own", "[data][N-6][E-4]") {
    const Samples set = numbered(30);
    Loader loader(set, {.batch_size = 8}, Generator(5), both);
    Loader expected(set, {.batch_size = 8, .prefetch = false}, Generator(5), both);
    loader.start_epoch();
    expected.start_epoch();
    REQUIRE(loader.next() != nullptr);
    REQUIRE(expected.next() != nullptr);
    for (const bool uses : {true, false}) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::alarm(60);
            bool good = true;
            {
                Loader own = std::move(loader);
                Made made;
                Made wanted;
                if (uses) {
                    collect(own, made);
                    collect(expected, wanted);
                    good = made == wanted && epoch(own) == epoch(expected);
                }
            }
            ::_exit(good ? 0 : 1);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    Made made;
    Made wanted;
    collect(loader, made);
    collect(expected, wanted);
    CHECK(made == wanted);
}
#endif

}  // namespace
}  // namespace kasmina::host_loader_test
