// The last table: networks side by side, in the mean of runs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/statistics/score_kind.hpp>
#include <kasmina/tensor/index.hpp>

#include "network_row.hpp"
#include "table.hpp"

namespace kasmina::examples {

struct MeanWithError {
    double mean = 0.0;
    double error = 0.0;  ///< standard error of the mean; 0 for a single run
};

[[nodiscard]] inline MeanWithError mean_with_error(const std::vector<double>& values) {
    const auto count = static_cast<double>(values.size());
    MeanWithError result;
    for (const double value : values) result.mean += value / count;
    double squares = 0.0;
    for (const double value : values) {
        squares += (value - result.mean) * (value - result.mean);
    }
    if (values.size() > 1) result.error = std::sqrt(squares / (count - 1.0) / count);
    return result;
}

/// What networks came to in runs of several generator seeds. Networks are known by their names, in
/// the order in which they came, and each is added once in every run.
class Comparison {
public:
    /// `digits` of a score are shown after the point.
    Comparison(const ScoreKind& kind, int digits) : kind_(kind), digits_(digits) {}

    /// A network at the end of a run: its score on data that nothing was chosen by, its size, and
    /// what its training multiplied (work.hpp).
    void add(std::string_view name, double score, Index parameters, double multiplications) {
        Network& network = find_or_make(name);
        network.scores.push_back(score);
        network.parameters.push_back(static_cast<double>(parameters));
        network.multiplications.push_back(multiplications);
    }

    /// How much better `name` is than `than`, in the mean of the runs.
    [[nodiscard]] MeanWithError gain(std::string_view name, std::string_view than) {
        const std::vector<double>& now = find_or_make(name).scores;
        const std::vector<double>& then = find_or_make(than).scores;
        std::vector<double> gains;
        for (std::size_t run = 0; run < std::min(now.size(), then.size()); ++run) {
            gains.push_back(kind_.gain(then[run], now[run]));
        }
        return mean_with_error(gains);
    }

    /// A row for each network.
    [[nodiscard]] std::string text() const {
        std::string text;
        for (const Network& network : networks_) {
            std::string score = fixed(mean_with_error(network.scores).mean, digits_);
            if (!kind_.unit.view().empty()) score += ' ' + std::string(kind_.unit.view());
            const double size = std::round(mean_with_error(network.parameters).mean);
            text += network_row(network.name, score, static_cast<std::int64_t>(size),
                                mean_with_error(network.multiplications).mean) +
                    '\n';
        }
        return text;
    }

private:
    struct Network {
        std::string name;
        std::vector<double> scores{};
        std::vector<double> parameters{};
        std::vector<double> multiplications{};
    };

    [[nodiscard]] Network& find_or_make(std::string_view name) {
        const auto known = std::ranges::find(networks_, name, &Network::name);
        if (known != networks_.end()) return *known;
        return networks_.emplace_back(Network{std::string(name)});
    }

    ScoreKind kind_;
    int digits_;
    std::vector<Network> networks_;
};

}  // namespace kasmina::examples
