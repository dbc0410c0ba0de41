// checkpoint::save: a model and whatever trains it, as one safetensors file.
#pragma once

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <string>
#include <tuple>
#include <type_traits>

#include <kasmina/checkpoint/contents.hpp>
#include <kasmina/checkpoint/file/plan.hpp>
#include <kasmina/checkpoint/file/strict_json.hpp>
#include <kasmina/checkpoint/file/writer.hpp>
#include <kasmina/checkpoint/part.hpp>
#include <kasmina/checkpoint/record/json_values.hpp>
#include <kasmina/checkpoint/record/write.hpp>
#include <kasmina/checkpoint/table_of_parts.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/error.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/version.hpp>

namespace kasmina::checkpoint {

namespace detail {

/// The model among the parts; NoModel where there is none.
template <class... Parts>
[[nodiscard]] auto& model_among(NoModel& none, const std::tuple<Parts...>& parts) {
    constexpr auto models =
        (std::size_t{0} + ... + (ModelPart<std::remove_pointer_t<decltype(Parts::part)>> ? 1 : 0));
    static_assert(models <= 1, "a checkpoint holds one model: save each in a file of its own");
    if constexpr (models == 0) {
        return none;
    } else {
        constexpr std::size_t place = [] {
            std::size_t index = 0;
            static_cast<void>(
                ((ModelPart<std::remove_pointer_t<decltype(Parts::part)>> || (++index, false)) ||
                 ...));
            return index;
        }();
        return *std::get<place>(parts).part;
    }
}

/// A record as text. Errors: CheckpointError for one that could not be read again: it is longer
/// than readers take, or has more values.
[[nodiscard]] inline std::string text_of(const std::string& part, const record::Json& record) {
    std::string text = record.dump();
    try {
        static_cast<void>(file::parse_json(text, part));
    } catch (const CheckpointError& error) {
        throw CheckpointError(error.what_happened(), error.where(), error.expected(), error.got(),
                              "keep long series in a file of their own, or in a tensor");
    }
    return text;
}

template <class Model, class State>
void plan_record(const std::string& name, const State& state, Model& model, file::Plan& plan) {
    const record::Place place(name, name);
    if constexpr (std::same_as<Model, NoModel>) {
        record::NoTensors none;
        plan.metadata[key_of_part(name)] = text_of(name, record::write(state, place, none));
    } else {
        TensorWriter<typename Model::Backend> tensors(model.context(), plan);
        plan.metadata[key_of_part(name)] = text_of(name, record::write(state, place, tensors));
    }
}

/// The states lie on the stack, one frame a part, until the file is written.
template <class Model, class Write>
void plan_parts(Model&, file::Plan&, Write& write) {
    write();
}
template <class Model, class Write, class P, class... Rest>
void plan_parts(Model& model, file::Plan& plan, Write& write, const Named<P>& first,
                const Rest&... rest) {
    if constexpr (PlainPart<P>) {
        plan_record(first.name, *first.part, model, plan);
        plan_parts(model, plan, write, rest...);
    } else {
        const auto state = state_of_part(*first.part, model);
        plan_record(first.name, state, model, plan);
        if constexpr (ModelPart<P>) {
            const auto contents = nn::each_once(first.part->contents());
            plan_values(first.part->context(), contents, plan);
            plan_parts(model, plan, write, rest...);
        } else {
            plan_parts(model, plan, write, rest...);
        }
    }
}

template <class... Parts>
void save(const std::filesystem::path& path, const Note& note, const std::tuple<Parts...>& parts) {
    check_part_names(parts);
    TableOfParts table{.library = std::string(version), .note = note.text, .parts = {}};
    std::apply([&table](const auto&... each) { (table.parts.push_back(each.name), ...); }, parts);
    file::Plan plan;
    record::NoTensors none;
    plan.metadata[std::string(table_key)] =
        text_of("table", record::write(table, record::Place("table", "table"), none));
    NoModel no_model;
    auto& model = model_among(no_model, parts);
    auto write = [&] { file::write(path, plan); };
    std::apply([&](const auto&... each) { plan_parts(model, plan, write, each...); }, parts);
}

}  // namespace detail

/// Saves parts (part.hpp) as one file, which replaces the one that is there, atomically and
/// durably: whenever the process or the machine stops, the old or the new file is whole. The same
/// state gives the same bytes. Call it between epochs, or where the trainer has stopped. Memory:
/// copies of what trainers and optimisers remember, on the backend, and a few MiB. Errors:
/// CheckpointError when the file cannot be written, or a record is longer than a load takes;
/// NumericError for a record with numbers that are not finite; DuplicateNameError, OptionError for
/// names of parts. The old file is there then.
template <class... Parts>
    requires(!std::same_as<std::remove_cvref_t<Parts>, Note> && ...)
void save(const std::filesystem::path& path, Parts&&... parts) {
    detail::save(path, Note{}, std::tuple(detail::as_named(parts)...));
}

/// The same with a remark.
template <class... Parts>
void save(const std::filesystem::path& path, const Note& note, Parts&&... parts) {
    detail::save(path, note, std::tuple(detail::as_named(parts)...));
}

}  // namespace kasmina::checkpoint
