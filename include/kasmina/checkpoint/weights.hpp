// weights::load, weights::save: values alone, to and from the files of PyTorch and other programs.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <kasmina/checkpoint/contents.hpp>
#include <kasmina/checkpoint/file/plan.hpp>
#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/checkpoint/file/writer.hpp>
#include <kasmina/checkpoint/number_formats.hpp>
#include <kasmina/checkpoint/tensors.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/finite.hpp>
#include <kasmina/nn/any_state.hpp>
#include <kasmina/nn/parameters.hpp>

namespace kasmina::weights {

/// What became of each name.
struct LoadReport {
    std::vector<std::string> loaded{};   ///< of the module, now with the file's values
    std::vector<std::string> missing{};  ///< of the module, not in the file: as they were
    std::vector<std::string> unused{};   ///< of the file, that nobody asked for

    /// "loaded 14; missing: classifier.bias; unused: ...".
    [[nodiscard]] std::string in_words() const {
        std::string text = "loaded " + std::to_string(loaded.size());
        for (const auto& [what, names] :
             {std::pair("missing", &missing), std::pair("unused", &unused)}) {
            text += std::string("; ") + what + ": ";
            std::string list;
            for (const std::string& name : *names) append_to_list(list, name);
            text += list.empty() ? "none" : list;
        }
        return text;
    }
};

/// The names in the file are the module's.
struct SameNames {
    [[nodiscard]] std::string operator()(std::string_view name) const { return std::string(name); }
};

/// Where a value of the module is in a file.
struct InFile {
    std::string name;
    bool transposed = false;  ///< a matrix whose rows are the module's columns
};

/// What a rule that renames gives: a name, or a name and the layout there.
template <class Rename>
concept RenamesForFiles = requires(Rename& rename, std::string_view name) {
    requires std::convertible_to<decltype(rename(name)), std::string_view> ||
                 std::same_as<std::remove_cvref_t<decltype(rename(name))>, InFile>;
};

namespace detail {

namespace format = checkpoint::file;

/// One value of a file as T. Whole numbers come from whole numbers, numbers from numbers.
template <class T>
[[nodiscard]] T value_at(const std::byte* from, format::ElementType type, bool& fits) {
    const auto get = [from]<class Raw>(Raw raw) {
        std::memcpy(&raw, from, sizeof raw);
        return raw;
    };
    if constexpr (std::integral<T>) {
        const std::int64_t whole = type == format::ElementType::i32
                                       ? std::int64_t{get(std::int32_t{})}
                                       : get(std::int64_t{});
        fits = fits && std::in_range<T>(whole);
        return static_cast<T>(whole);
    } else {
        double number = 0.0;
        switch (type) {
            case format::ElementType::f16:
                number = checkpoint::from_half(get(std::uint16_t{}));
                break;
            case format::ElementType::bf16:
                number = checkpoint::from_bfloat16(get(std::uint16_t{}));
                break;
            case format::ElementType::f32: number = get(float{}); break;
            default: number = get(double{}); break;
        }
        const T value = static_cast<T>(number);
        fits = fits && (is_finite(value) || !is_finite(number));
        return value;
    }
}

template <class T>
[[nodiscard]] constexpr bool converts(format::ElementType type) noexcept {
    using enum format::ElementType;
    if constexpr (std::integral<T>) return type == i32 || type == i64;
    return type == f16 || type == bf16 || type == f32 || type == f64;
}

template <class Rename>
[[nodiscard]] InFile place_in_file(Rename& rename, std::string_view name) {
    static_assert(
        RenamesForFiles<Rename>,
        "RenamesForFiles: let the rule be called as `rename(name)` and return the name in "
        "the file, or a weights::InFile");
    if constexpr (std::same_as<std::remove_cvref_t<decltype(rename(name))>, InFile>) {
        return rename(name);
    } else {
        return {std::string(rename(name))};
    }
}

/// The shape that a tensor has in a file. Errors: CheckpointError for a transposed one that is no
/// matrix.
[[nodiscard]] inline Shape shape_in_file(const format::Reader& reader, const Shape& shape,
                                         bool transposed, const std::string& name) {
    if (!transposed) return shape;
    if (shape.rank() == 2) return {shape[1], shape[0]};
    throw CheckpointError("only matrices are transposed", reader.path().string() + ": for " + name,
                          "a matrix", to_string(shape), "mend the rule that renames");
}

/// The transpose of a matrix (rows, columns), on the host.
template <class T>
[[nodiscard]] std::vector<T> transpose(const std::vector<T>& from, Index rows, Index columns) {
    std::vector<T> to(from.size());
    for (Index row = 0; row < rows; ++row) {
        for (Index column = 0; column < columns; ++column) {
            to[static_cast<std::size_t>(column * rows + row)] =
                from[static_cast<std::size_t>(row * columns + column)];
        }
    }
    return to;
}

/// A new tensor with a file's values. One that is transposed there is whole on the host for a
/// while, twice.
template <class B, class T>
[[nodiscard]] Tensor<B, T> converted(typename B::Context& context, const format::Reader& reader,
                                     const format::TensorEntry& entry, const Shape& wanted,
                                     const std::string& name, bool transposed = false) {
    const Shape shape = shape_in_file(reader, wanted, transposed, name);
    const auto refuse = [&](std::string_view what, std::string_view expected,
                            std::string_view got) {
        throw CheckpointError(
            what, reader.path().string() + ": tensor " + format::in_quotes(entry.name), expected,
            got, "load it into a module like the one that was saved, or rename it away");
    };
    if (entry.shape != checkpoint::extents_of(shape)) {
        refuse("a tensor of another shape", to_string(shape) + ", for " + name,
               format::to_string(entry.shape));
    }
    if (!converts<T>(entry.type)) {
        refuse("a tensor of another kind of numbers",
               std::integral<T> ? "I32 or I64" : "F16, BF16, F32 or F64", name_of(entry.type));
    }
    auto tensor = Tensor<B, T>::persistent(context, wanted);
    const std::size_t width = bytes_of(entry.type);
    const Index piece = transposed ? std::max<Index>(1, tensor.size()) : Index{1} << 18;
    std::vector<std::byte> raw;
    std::vector<T> values;
    bool fits = true;
    for (Index done = 0; done < tensor.size(); done += piece) {
        const auto count = static_cast<std::size_t>(std::min(piece, tensor.size() - done));
        raw.resize(count * width);
        values.resize(count);
        reader.read(entry, static_cast<std::uint64_t>(done) * width, raw);
        for (std::size_t i = 0; i < count; ++i) {
            values[i] = value_at<T>(raw.data() + i * width, entry.type, fits);
        }
        if (transposed) values = transpose(values, shape[0], shape[1]);
        B::upload(context, values.data(), tensor.data() + done, static_cast<Index>(count));
    }
    if (!fits) {
        refuse("a value that does not fit", "values of " + std::to_string(sizeof(T)) + " bytes",
               "a larger one");
    }
    return tensor;
}

[[noreturn]] KASMINA_COLD inline void throw_renamed_to_one(const format::Reader& reader,
                                                           const format::TensorEntry& entry,
                                                           std::string_view first,
                                                           std::string_view second) {
    throw DuplicateNameError(
        "two names of the module are one in the file",
        reader.path().string() + ": tensor " + format::in_quotes(entry.name),
        "a tensor of the file for each name", std::string(first) + " and " + std::string(second),
        "mend the rule that renames; what is tied there and not here is loaded by a call for each");
}

template <class B, class Rename>
LoadReport load(const std::filesystem::path& path, typename B::Context& context,
                nn::Contents<B> contents, Rename& rename) {
    const auto reader = format::Reader::open(path, {.aligned = false});
    const nn::Contents<B> wanted = nn::each_once(std::move(contents));
    LoadReport report;
    std::map<std::string_view, std::string_view> used;  // names in the file, and the module's
    struct Found {
        const format::TensorEntry* entry;
        bool transposed;
    };
    const auto find = [&](const std::string& name) {
        const InFile place = place_in_file(rename, std::string_view(name));
        const format::TensorEntry* entry = reader.find(place.name);
        (entry == nullptr ? report.missing : report.loaded).push_back(name);
        if (entry == nullptr) return Found{entry, false};
        const auto [other, is_new] = used.emplace(entry->name, name);
        if (!is_new) throw_renamed_to_one(reader, *entry, other->second, name);
        return Found{entry, place.transposed};
    };
    std::vector<std::pair<Parameter<B>*, Tensor<B>>> parameters;
    std::vector<std::pair<nn::AnyState<B>, nn::AnyTensor<B>>> states;
    for (const auto& [name, parameter] : wanted.parameters) {
        const auto [entry, transposed] = find(name);
        if (entry == nullptr) continue;
        parameters.emplace_back(
            parameter, converted<B, typename B::Scalar>(context, reader, *entry, parameter->shape(),
                                                        name, transposed));
    }
    for (const auto& [name, state] : wanted.states) {
        const auto* entry = find(name).entry;
        if (entry == nullptr) continue;
        states.emplace_back(state, state.visit([&,
                                                &its = name]<class T>(const Tensor<B, T>& present) {
            return nn::AnyTensor<B>(converted<B, T>(context, reader, *entry, present.shape(), its));
        }));
    }
    for (const format::TensorEntry& entry : reader.tensors()) {
        if (!used.contains(entry.name)) report.unused.push_back(entry.name);
    }
    for (const auto& [parameter, value] : parameters) {
        parameter->value().copy_from(context, value);
        parameter->zero_gradient();
    }
    for (const auto& [state, values] : states) state.copy_from(context, values);
    return report;
}

template <class B>
void save(const std::filesystem::path& path, typename B::Context& context,
          nn::Contents<B> contents) {
    const nn::Contents<B> all = nn::each_once(std::move(contents));
    format::Plan plan;
    checkpoint::plan_values(context, all, plan);
    format::write(path, plan);
}

/// A model as a whole, by the names that everything else uses.
template <class M>
concept GrowingModel = requires(M& model) {
    typename M::SlotType;
    model.contents();
    model.context();
};

}  // namespace detail

/// Values for a module (a host, a layer) from a safetensors file, by its own names, which are
/// PyTorch's: "blocks.0.conv.weight". `rename(name)` gives the name in the file, or an InFile where
/// the layout there differs (checkpoint/gpt2_names.hpp). Numbers are
/// converted from F16, BF16, F32 and F64. What the file lacks stays as it is, what it has too much
/// is left alone: the report says both. All or nothing. Memory beside the module: its tensors once
/// more, and 1 MiB. Errors: CheckpointError for a file that cannot be read, or a tensor of another
/// shape or kind, or with values that do not fit; DuplicateNameError for a rule that makes one name
/// of two. Nothing is changed then.
template <class B, nn::VisitableModule<B> M, class Rename = SameNames>
LoadReport load_module(const std::filesystem::path& path, typename B::Context& context, M& module,
                       Rename rename = {}) {
    return detail::load<B>(path, context, nn::contents<B>(module), rename);
}

/// The same for what knows its backend, as hosts do.
template <class M, class Rename = SameNames>
    requires(!detail::GrowingModel<M>)
LoadReport load(const std::filesystem::path& path, typename M::Backend::Context& context, M& module,
                Rename rename = {}) {
    return load_module<typename M::Backend>(path, context, module, std::move(rename));
}

/// The same for a model with its live seeds: "host/...", "slots/r0c1/seed/...".
template <detail::GrowingModel M, class Rename = SameNames>
LoadReport load(const std::filesystem::path& path, M& model, Rename rename = {}) {
    return detail::load<typename M::Backend>(path, model.context(), model.contents(), rename);
}

/// A module's values as a safetensors file, by its own names: PyTorch's `load_state_dict` takes
/// them. Errors: as `checkpoint::save`.
template <class M>
    requires(!detail::GrowingModel<M>)
void save(const std::filesystem::path& path, typename M::Backend::Context& context, M& module) {
    detail::save<typename M::Backend>(path, context, nn::contents<typename M::Backend>(module));
}

/// A model's values with those of its live seeds.
template <detail::GrowingModel M>
void save(const std::filesystem::path& path, M& model) {
    detail::save<typename M::Backend>(path, model.context(), model.contents());
}

}  // namespace kasmina::weights
