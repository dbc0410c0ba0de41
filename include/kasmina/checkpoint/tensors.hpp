// Tensors on their way between a backend and a checkpoint's file, in pieces of a fixed size.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/checkpoint/file/in_quotes.hpp>
#include <kasmina/checkpoint/file/plan.hpp>
#include <kasmina/checkpoint/file/reader.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/tensor/tensor.hpp>

namespace kasmina::checkpoint {

static_assert(std::endian::native == std::endian::little,
              "checkpoints are written on little-endian machines: swap bytes in tensors.hpp");

/// The kind of a C++ type's elements in a file.
template <class T>
inline constexpr file::ElementType element_type_of = [] {
    if constexpr (std::same_as<T, float>) return file::ElementType::f32;
    if constexpr (std::same_as<T, double>) return file::ElementType::f64;
    if constexpr (std::same_as<T, std::int32_t>) return file::ElementType::i32;
    if constexpr (std::same_as<T, std::int64_t>) return file::ElementType::i64;
}();

/// Bytes of a tensor that are on the host at once while it is saved or loaded.
inline constexpr std::size_t transfer_bytes = std::size_t{4} << 20;

[[nodiscard]] inline std::vector<std::uint64_t> extents_of(const Shape& shape) {
    std::vector<std::uint64_t> extents;
    for (Index axis = 0; axis < shape.rank(); ++axis) {
        extents.push_back(static_cast<std::uint64_t>(shape[axis]));
    }
    return extents;
}

/// Lists tensors of a backend in a plan. They are read from the backend when the plan is written,
/// and must live and stay as they are until then.
template <class B>
class TensorWriter {
public:
    TensorWriter(typename B::Context& context, file::Plan& plan)
        : context_(&context), plan_(&plan) {}

    template <class T>
    void add(std::string name, const Tensor<B, T>& tensor) {
        plan_->add(std::move(name), element_type_of<T>, extents_of(tensor.shape()),
                   [context = context_, tensor = &tensor](file::ByteSink& sink) {
                       constexpr auto piece = static_cast<Index>(transfer_bytes / sizeof(T));
                       for (Index done = 0; done < tensor->size(); done += piece) {
                           const Index count = std::min(piece, tensor->size() - done);
                           Pending<B, T> pending(*context, tensor->data() + done, count);
                           sink.write(std::as_bytes(pending.values()));
                       }
                   });
    }

private:
    typename B::Context* context_;
    file::Plan* plan_;
};

/// Which tensors of a file were asked for: what nobody asked for should not be there.
class TensorsOfFile {
public:
    explicit TensorsOfFile(const file::Reader& reader) : reader_(&reader) {}

    [[nodiscard]] const file::Reader& reader() const noexcept { return *reader_; }

    /// A tensor, noted as used. Errors: CheckpointError when it is not there, or was used already.
    [[nodiscard]] const file::TensorEntry& take(std::string_view name) {
        const file::TensorEntry* entry = reader_->find(name);
        if (entry == nullptr) {
            refuse(name, "a tensor is missing", "the tensor " + file::in_quotes(name), "none");
        }
        if (!used_.insert(entry->name).second) {
            refuse(name, "a tensor is asked for twice", "each tensor in one place", "a second one");
        }
        return *entry;
    }

    [[nodiscard]] bool used(std::string_view name) const { return used_.contains(name); }

    [[noreturn]] KASMINA_COLD void refuse(std::string_view name, std::string_view what,
                                          std::string_view expected, std::string_view got) const {
        throw CheckpointError(what, reader_->path().string() + ": tensor " + file::in_quotes(name),
                              expected, got, "load it into objects like those that were saved");
    }

    /// Errors: CheckpointError for another element type or shape.
    void check(const file::TensorEntry& entry, file::ElementType type,
               const std::vector<std::uint64_t>& shape) const {
        if (entry.type != type) {
            refuse(entry.name, "a tensor of another element type", name_of(type),
                   name_of(entry.type));
        }
        if (entry.shape != shape) {
            refuse(entry.name, "a tensor of another shape", file::to_string(shape),
                   file::to_string(entry.shape));
        }
    }

private:
    const file::Reader* reader_;
    std::set<std::string_view> used_{};
};

/// Reads tensors of a file onto a backend.
template <class B>
class TensorReader {
public:
    TensorReader(typename B::Context& context, TensorsOfFile& tensors)
        : context_(&context), tensors_(&tensors) {}

    /// Fills a tensor that has its shape. Errors: CheckpointError when the file's is missing, or of
    /// another element type or shape, or cannot be read.
    template <class T>
    void load(std::string_view name, Tensor<B, T>& into) {
        fill(checked(name, into), into);
    }

    /// What `load` would read there. Errors: as `load`, but for those of reading.
    template <class T>
    [[nodiscard]] const file::TensorEntry& checked(std::string_view name,
                                                   const Tensor<B, T>& into) {
        const file::TensorEntry& entry = tensors_->take(name);
        tensors_->check(entry, element_type_of<T>, extents_of(into.shape()));
        return entry;
    }

    /// A new tensor, or one of any element type, of the shape that is in the file.
    template <class Any>
    [[nodiscard]] Any read(std::string_view name) {
        const file::TensorEntry& entry = tensors_->take(name);
        return made(entry, static_cast<Any*>(nullptr));
    }

private:
    template <class T>
    void fill(const file::TensorEntry& entry, Tensor<B, T>& into) {
        constexpr auto piece = static_cast<Index>(transfer_bytes / sizeof(T));
        buffer_.resize(std::min<std::uint64_t>(transfer_bytes, entry.bytes()));
        for (Index done = 0; done < into.size(); done += piece) {
            const Index count = std::min(piece, into.size() - done);
            const auto bytes =
                std::span(buffer_).first(static_cast<std::size_t>(count) * sizeof(T));
            tensors_->reader().read(entry, static_cast<std::uint64_t>(done) * sizeof(T), bytes);
            B::upload(*context_, reinterpret_cast<const T*>(buffer_.data()), into.data() + done,
                      count);
        }
    }

    [[nodiscard]] Shape shape_of(const file::TensorEntry& entry) const {
        if (entry.shape.size() > static_cast<std::size_t>(Shape::max_rank)) {
            tensors_->refuse(entry.name, "a tensor has too many dimensions",
                             "at most " + std::to_string(Shape::max_rank),
                             std::to_string(entry.shape.size()));
        }
        std::vector<Index> extents;
        for (const std::uint64_t extent : entry.shape) {
            extents.push_back(static_cast<Index>(extent));
        }
        return Shape(std::span<const Index>(extents));
    }

    template <class T>
    [[nodiscard]] Tensor<B, T> made(const file::TensorEntry& entry, Tensor<B, T>*) {
        tensors_->check(entry, element_type_of<T>, entry.shape);
        auto tensor = Tensor<B, T>::persistent(*context_, shape_of(entry));
        fill(entry, tensor);
        return tensor;
    }

    template <class... Ts>
    [[nodiscard]] std::variant<Ts...> made(const file::TensorEntry& entry, std::variant<Ts...>*) {
        std::variant<Ts...> any;
        const auto try_one = [&]<class One>(One* kind) {
            if (entry.type != element_type_of<typename One::Value>) return false;
            any = made(entry, kind);
            return true;
        };
        if ((try_one(static_cast<Ts*>(nullptr)) || ...)) return any;
        std::string names;
        (append_to_list(names, name_of(element_type_of<typename Ts::Value>)), ...);
        tensors_->refuse(entry.name, "a tensor of another element type", "one of " + names,
                         name_of(entry.type));
    }

    typename B::Context* context_;
    TensorsOfFile* tensors_;
    std::vector<std::byte> buffer_{};
};

}  // namespace kasmina::checkpoint
