// LoggingHost: the CNN host, which writes down what of it is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>

#include <kasmina/hosts/cnn.hpp>

namespace kasmina::test {

/// What was run: the host's stem and head, its segments by their boundaries, and how many seeds
/// that count themselves.
struct Log {
    std::map<std::pair<std::size_t, std::size_t>, int> segments{};
    int stems = 0;
    int heads = 0;
    std::int64_t seeds = 0;

    friend bool operator==(const Log&, const Log&) = default;
};

/// Its head is the one behind the last boundary; a segment from a boundary to itself is none.
template <class B>
class LoggingHost {
public:
    using Backend = B;
    using Input = Tensor<B>;
    static constexpr Topology topology = Topology::cnn;

    LoggingHost(typename B::Context& context, Log& log, const hosts::CnnOptions& options)
        : log_(&log), cnn_(context, options) {}

    void initialise(typename B::Context& context, Generator& generator) {
        cnn_.initialise(context, generator);
    }
    [[nodiscard]] std::span<const hosts::InjectionPoint> injection_points() const noexcept {
        return cnn_.injection_points();
    }
    [[nodiscard]] Variable<B> stem(Pass<B>& pass, const Tensor<B>& images) const {
        ++log_->stems;
        return cnn_.stem(pass, images);
    }
    [[nodiscard]] Variable<B> forward(Pass<B>& pass, const Variable<B>& state, std::size_t from,
                                      std::size_t to) const {
        if (from != to) ++log_->segments[{from, to}];
        return cnn_.forward(pass, state, from, to);
    }
    [[nodiscard]] Variable<B> head(Pass<B>& pass, const Variable<B>& state) const {
        ++log_->heads;
        return cnn_.head(pass, state);
    }
    template <class Visitor>
    void visit(Visitor&& visitor) {
        cnn_.visit(visitor);
    }
    template <class Visitor>
    void visit(Visitor&& visitor) const {
        cnn_.visit(visitor);
    }

private:
    Log* log_;
    hosts::Cnn<B> cnn_;
};

}  // namespace kasmina::test
