// Network: a trained network to run: a host and its fossilized seeds, loaded from a checkpoint.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kasmina/autodiff/pass.hpp>
#include <kasmina/autodiff/taps.hpp>
#include <kasmina/backend/forward_only.hpp>
#include <kasmina/blueprints/registry.hpp>
#include <kasmina/checkpoint/opened.hpp>
#include <kasmina/checkpoint/table_of_parts.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/code_size.hpp>
#include <kasmina/error.hpp>
#include <kasmina/hosts/host.hpp>
#include <kasmina/model/model_state.hpp>
#include <kasmina/nn/gate_network.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/random/generator.hpp>
#include <kasmina/slot/blend_seed.hpp>
#include <kasmina/slot/check_slot_state.hpp>

namespace kasmina::inference {

/// What a model was when it was saved, without what made it grow: no slots, no gates, no optimiser,
/// and on `ForwardOnly<B>` no way back in the program either. Its outputs in evaluation are bit
/// for bit the model's. It may be run by several threads at once, each with a tape and a context of
/// its own.
template <class HostType, class Blueprints>
class Network {
    KASMINA_REQUIRE_HOST(HostType)
    static_assert(is_blueprint_list<Blueprints>,
                  "BlueprintList: pass a list of blueprints, as `CnnBlueprints{}` or "
                  "`BlueprintList<Mine>{}`");

public:
    using Backend = typename HostType::Backend;
    using Context = typename Backend::Context;
    using Input = typename HostType::Input;
    using Output = hosts::OutputOf<HostType>;

    /// Loads the model of a checkpoint into `host`, which is made like the one that was saved, and
    /// makes its fossilized seeds from the record; other parts of the file are left alone. Errors:
    /// CheckpointError that names the file, and the JSON path or the tensor, also for values of the
    /// file that the host has no place for, and for a network with a seed that is heard and not
    /// fossilized: let it fossilize or prune it, and save again.
    KASMINA_RARE Network(Context& context, HostType host, Blueprints,
                         const std::filesystem::path& file)
        : host_(std::move(host)) {
        const checkpoint::Opened opened(file);
        ModelState state;
        checkpoint::NoTensorsToRead none;
        opened.read("model", state, none);
        checkpoint::TensorsOfFile tensors(opened.reader());
        checkpoint::TensorReader<Backend> values(context, tensors);
        load(values, "host/", nn::contents<Backend>(host_));
        const auto points = host_.injection_points();
        if (state.slots.size() != points.size()) {
            refuse(file, "the network has other slots", std::to_string(points.size()),
                   std::to_string(state.slots.size()));
        }
        std::set<std::string, std::less<>> silent;  // whose seeds are left alone
        for (std::size_t i = 0; i < points.size(); ++i) {
            const SlotState& slot = state.slots[i];
            if (slot.name != points[i].slot_id || slot.width != points[i].channels) {
                refuse(file, "the network has other slots",
                       points[i].slot_id + " of width " + std::to_string(points[i].channels),
                       slot.name + " of width " + std::to_string(slot.width));
            }
            check(file, slot);
            if (!is_heard(slot)) {
                silent.insert("slots/" + slot.name);
                continue;
            }
            if (slot.stage != Stage::fossilized || !slot.record || !slot.seed) {
                refuse(file, "a seed is heard and not fossilized", "fossilized seeds alone",
                       "the seed in " + slot.name + " that is " + std::string(name_of(slot.stage)));
            }
            seeds_.push_back(made(context, i + 1, slot));
            const Seed& seed = seeds_.back();
            load(values, "slots/" + slot.name + "/seed/", seed.module->contents());
            if (seed.gate != nullptr) {
                load(values, "slots/" + slot.name + "/gate/", nn::contents<Backend>(*seed.gate));
            }
        }
        opened.check_all_used(tensors, {});
        for (const checkpoint::file::TensorEntry& entry : opened.reader().tensors()) {
            const std::string_view name = entry.name;
            if (checkpoint::Opened::part_of(name) != "model" || tensors.used(name)) continue;
            if (silent.contains(
                    name.substr(0, name.find('/', std::string_view("slots/").size())))) {
                continue;
            }
            tensors.refuse(name, "a tensor too many", "only tensors that the network has",
                           "this one");
        }
    }

    /// From the host's input to its output. A pass in evaluation changes nothing; to one that has
    /// taps it offers what the model did, by the same names. Errors: whatever host and seeds throw;
    /// UnknownNameError for an activation that did not come by.
    [[nodiscard]] Output forward(Pass<Backend>& pass, const Input& input) const {
        Pass<Backend> for_host = pass.inside("host/");
        Taps<Backend>* const taps = pass.taps();
        if (taps != nullptr) taps->forget();
        std::size_t boundary = hosts::start_boundary;
        auto state = host_.stem(for_host, input);
        if (taps != nullptr) taps->offer("host/", "stem", hosts::features(state));
        const auto points = host_.injection_points();
        auto seed = seeds_.begin();
        for (std::size_t i = 0; i < points.size(); ++i) {
            const bool has_seed = seed != seeds_.end() && seed->boundary == i + 1;
            if (!has_seed && taps == nullptr) continue;
            state = host_.forward(for_host, state, boundary, i + 1);
            boundary = i + 1;
            Variable<Backend>& features = hosts::features(state);
            if (has_seed) features = blended(pass, *seed++, features);
            if (taps != nullptr) taps->offer("slots/", points[i].slot_id, features);
        }
        state = host_.forward(for_host, state, boundary, points.size());
        Output output = host_.head(for_host, state);
        if (taps != nullptr) taps->check_all_came();
        return output;
    }

    [[nodiscard]] const HostType& host() const noexcept { return host_; }
    /// How many seeds it has.
    [[nodiscard]] std::size_t seeds() const noexcept { return seeds_.size(); }

private:
    struct Seed {
        std::size_t boundary;  ///< that it sits at
        std::unique_ptr<SeedModule<Backend>> module;
        std::unique_ptr<nn::GateNetwork<Backend>> gate;  ///< null unless the algorithm is gate
        BlendAlgorithm algorithm;
        double amplitude;
        std::string inside;  ///< what the names of its activations begin with
    };

    [[nodiscard]] static Variable<Backend> blended(const Pass<Backend>& pass, const Seed& seed,
                                                   const Variable<Backend>& features) {
        Pass<Backend> own = pass.inside(seed.inside);
        return slot_detail::blend_seed(own, *seed.module, seed.gate.get(), seed.algorithm, features,
                                       features, seed.amplitude);
    }

    /// Whether a slot makes a difference to the output.
    [[nodiscard]] static bool is_heard(const SlotState& slot) noexcept {
        return slot.stage == Stage::fossilized || (slot.alpha && slot.alpha->alpha != 0.0);
    }

    /// Errors: CheckpointError for a state that no slot of this host comes to.
    KASMINA_RARE static void check(const std::filesystem::path& file, const SlotState& slot) {
        const std::string where =
            file.string() + ": " + checkpoint::key_of_part("model") + ": slot " + slot.name;
        try {
            slot_detail::check_place(slot, where, slot.name, HostType::topology, slot.width);
            slot_detail::check_slot_state(slot, where);
        } catch (const CheckpointError&) {
            throw;
        } catch (const Error& error) {
            throw CheckpointError(
                error.what_happened(), error.where(), error.expected(), error.got(),
                "take a file that this library has written and nobody has changed");
        }
    }

    [[nodiscard]] KASMINA_RARE static Seed made(Context& context, std::size_t boundary,
                                                const SlotState& slot) {
        Generator scratch(0);  // all values are loaded after this
        Seed seed{
            boundary,
            Blueprints::template make<Backend>(context, slot.topology, slot.record->blueprint,
                                               slot.width, scratch, slot.seed->blueprint_options),
            nullptr,
            slot.seed->blend.algorithm,
            slot.alpha ? slot.alpha->alpha : 1.0,
            "slots/" + slot.name + "/"};
        if (seed.algorithm == BlendAlgorithm::gate) {
            seed.gate = std::make_unique<nn::GateNetwork<Backend>>(context, slot.topology,
                                                                   slot.width, scratch);
        }
        return seed;
    }

    KASMINA_RARE static void load(checkpoint::TensorReader<Backend>& values,
                                  const std::string& prefix, nn::Contents<Backend> all) {
        const nn::Contents<Backend> contents = nn::each_once(std::move(all));
        for (const auto& [name, parameter] : contents.parameters) {
            values.load(prefix + name, parameter->value());
        }
        for (const auto& [name, state] : contents.states) {
            state.visit([&, &its = name](auto& value) { values.load(prefix + its, value); });
        }
    }

    [[noreturn]] KASMINA_COLD static void refuse(const std::filesystem::path& file,
                                                 std::string_view what, std::string expected,
                                                 std::string got) {
        throw CheckpointError(what, file.string(), expected, got,
                              "load it into a host like the one that was saved, with seeds that "
                              "have fossilized or gone");
    }

    HostType host_;
    std::vector<Seed> seeds_{};
};

}  // namespace kasmina::inference
