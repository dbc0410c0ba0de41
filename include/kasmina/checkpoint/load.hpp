// checkpoint::load: a model and whatever trains it go on from a file, or stay as they are.
#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/in_place.hpp>
#include <kasmina/checkpoint/opened.hpp>
#include <kasmina/checkpoint/part.hpp>
#include <kasmina/checkpoint/save.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/error.hpp>
#include <kasmina/model/model_restore.hpp>

namespace kasmina::checkpoint {

/// For a load that has no memory for the host's values beside those that the host has: these wait
/// in a file without a name in `folder`, until all is loaded, and are put back if that fails.
struct LittleMemory {
    /// On a disk with room for the host's values, which are written there once.
    std::filesystem::path folder{};
};

namespace detail {

/// Runs what reads a file; an error of a part's own (a state that cannot be) says where it is from.
/// What is no fault of the file (an object that was moved from, too little memory) stays what it
/// is, so that nobody goes on from an older one for it.
template <class F>
decltype(auto) reading(const std::filesystem::path& path, std::string_view part, F&& f) {
    const auto refuse = [&](const Error& error, std::string_view mend) {
        throw CheckpointError(error.what_happened(),
                              path.string() + ": " + key_of_part(part) + ": " + error.where(),
                              error.expected(), error.got(), mend);
    };
    try {
        return f();
    } catch (const CheckpointError&) {
        throw;
    } catch (const LifetimeError&) {
        throw;
    } catch (const ResourceError&) {
        throw;
    } catch (const StateError& error) {
        refuse(error, "load it into objects like those that were saved");
        throw;
    } catch (const Error& error) {
        refuse(error, error.mend());
        throw;
    }
}

/// What is read of the file and not in its place yet.
template <class Model>
class Load {
public:
    Load(const std::filesystem::path& path, Model& model, std::optional<LittleMemory> little)
        : path_(path),
          model_(&model),
          little_(std::move(little)),
          opened_(path),
          tensors_(opened_.reader()) {}

    /// Reads part after part, and when all are read puts one after the other in its place.
    template <class Place>
    void read_parts(Place&& place) {
        opened_.check_all_used(tensors_, loaded_);
        place();
    }

    /// Once all parts are in their places: what could not be read before.
    void finish() {
        if (finish_) finish_();
    }

    template <class Place, class P, class... Rest>
    void read_parts(Place&& place, const Named<P>& first, const Rest&... rest) {
        loaded_.push_back(first.name);
        if constexpr (ModelPart<P>) {
            ModelState state;
            NoTensorsToRead none;
            opened_.read(first.name, state, none);
            auto next =
                reading(path_, first.name, [&] { return PreparedModel<P>(*first.part, state); });
            TensorReader<typename P::Backend> values(model_->context(), tensors_);
            const auto load = [&values](std::string_view name, auto& tensor) {
                values.load(name, tensor);
            };
            if (little_) {
                next.load_host([&values](std::string_view name, const auto& tensor) {
                    static_cast<void>(values.checked(name, tensor));
                });
                finish_ = [&] { overwrite_host(next); };
            } else {
                next.make_room(model_->context());
                next.load_host(load);
            }
            next.load_seeds(load);
            read_parts(
                [&] {
                    next.exchange(*first.part);
                    try {
                        place();
                    } catch (...) {
                        next.exchange(*first.part);
                        throw;
                    }
                    next.settle(first.part->context());
                    first.part->forget_gradient_health();
                },
                rest...);
        } else {
            typename StateOfPart<P, Model>::Type state{};
            read_state(first.name, state);
            read_parts([&] { replace(first, state, place); }, rest...);
        }
    }

private:
    template <class State>
    void read_state(const std::string& name, State& state) {
        if constexpr (std::same_as<Model, NoModel>) {
            NoTensorsToRead none;
            opened_.read(name, state, none);
        } else {
            TensorReader<typename Model::Backend> tensors(model_->context(), tensors_);
            opened_.read(name, state, tensors);
        }
    }

    /// All that could be wrong was checked, but that reading may fail.
    template <class Prepared>
    void overwrite_host(Prepared& next) {
        ReadInPlace<typename Model::Backend> in_place(model_->context(), opened_.reader(),
                                                      little_->folder);
        try {
            next.load_host([&](std::string_view name, auto& tensor) {
                in_place.read(*opened_.reader().find(name), tensor);
            });
        } catch (...) {
            in_place.undo();
            throw;
        }
    }

    template <class P, class State, class Place>
    void replace(const Named<P>& named, State& state, Place& place) {
        reading(path_, named.name,
                [&] { replace_part(*named.part, *model_, state, [&place] { place(); }); });
    }

    std::filesystem::path path_;
    Model* model_;
    std::optional<LittleMemory> little_;
    Opened opened_;
    TensorsOfFile tensors_;
    std::vector<std::string> loaded_{};
    std::function<void()> finish_{};
};

/// The model comes last: what is read last is put in its place first, and the others stand on it.
template <class Model, class... Parts>
void load(const std::filesystem::path& path, std::optional<LittleMemory> little, Model& model,
          const Parts&... parts) {
    Load<Model> load(path, model, std::move(little));
    const auto others = std::tuple_cat([](const auto& part) {
        if constexpr (ModelPart<std::remove_pointer_t<decltype(part.part)>>) {
            return std::tuple<>();
        } else {
            return std::tuple(part);
        }
    }(parts)...);
    const auto models = std::tuple_cat([](const auto& part) {
        if constexpr (ModelPart<std::remove_pointer_t<decltype(part.part)>>) {
            return std::tuple(part);
        } else {
            return std::tuple<>();
        }
    }(parts)...);
    std::apply(
        [&load](const auto&... each) { load.read_parts([&load] { load.finish(); }, each...); },
        std::tuple_cat(others, models));
}

template <class... Parts>
void load_parts(const std::filesystem::path& path, std::optional<LittleMemory> little,
                Parts&... parts) {
    static_assert(sizeof...(Parts) > 0, "say what to load");
    const auto all = std::tuple(as_named(parts)...);
    check_part_names(all);
    NoModel none;
    auto& model = model_among(none, all);
    std::apply([&](const auto&... each) { load(path, std::move(little), model, each...); }, all);
}

}  // namespace detail

/// Loads parts (part.hpp) that `save` has saved, into objects that are made like those that were
/// saved: the same host, rule and groups, controller and source. Seeds are made anew from the
/// record, whatever the slots hold (C-8). Parts of the file that are not asked for are left alone:
/// a model alone is enough to infer with. All or nothing: after any error, all parts are as they
/// were (C-3). Memory beside the parts: the tensors of what is loaded, once, and a few MiB. Errors:
/// CheckpointError that names the file, and the JSON path or the tensor; LifetimeError for a part
/// that was moved from, ResourceError for memory that cannot be had.
template <class... Parts>
    requires(!std::same_as<std::remove_cvref_t<Parts>, LittleMemory> && ...)
void load(const std::filesystem::path& path, Parts&&... parts) {
    detail::load_parts(path, std::nullopt, parts...);
}

/// The same for a model that takes half of the memory: the host's values are read where the old
/// ones are, once all else is checked and in its place. Memory beside the parts: what the slots
/// held, and a few MiB; no other tensors where nothing was trained before. Errors: also
/// CheckpointError when the folder has no room. Should the folder then not give back what it has
/// taken either, the error says that the host holds values of both; only there is it not all or
/// nothing.
template <class... Parts>
void load(const std::filesystem::path& path, const LittleMemory& little, Parts&&... parts) {
    detail::load_parts(path, little, parts...);
}

}  // namespace kasmina::checkpoint
