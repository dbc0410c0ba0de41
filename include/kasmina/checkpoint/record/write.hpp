// write: a plain struct as JSON; tensors in it become tensors of the file, referred to by name.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <kasmina/checkpoint/record/json_values.hpp>
#include <kasmina/checkpoint/record/kinds.hpp>
#include <kasmina/checkpoint/record/place.hpp>
#include <kasmina/checkpoint/record/schema.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

/// \file
/// What has to be known of a type is a table, `Writing`, found at compile time; what walks over
/// structs, lists and optionals reads the tables, and is compiled once for all types.
namespace kasmina::checkpoint::record {

/// For records without tensors.
struct NoTensors {
    template <class T>
    void add(const std::string&, const T&) const {
        static_assert(unsupported<T>,
                      "this part holds tensors: pass the model on whose backend they are too");
    }
};

/// The name of an element of a list: its field `name`, where it has one.
template <class Element>
[[nodiscard]] std::string_view label_of(const Element& element) {
    if constexpr (requires {
                      { element.name } -> std::same_as<const std::string&>;
                  }) {
        return element.name;
    } else {
        return {};
    }
}

namespace detail {

struct Writing;

/// A field of a struct.
struct WrittenField {
    std::string_view name;
    reflect::FieldAddress address;
    const Writing* type;
    bool may_be_not_finite;
};

/// How values of one type are written.
struct Writing {
    using Write = Json(const Writing& self, const void* value, const Place& place, void* tensors,
                       bool not_finite);
    using Label = std::string_view(const void* element);

    Write* write;
    const Writing* inner = nullptr;          // of an optional, a list, a map
    Label* label = nullptr;                  // of a list's elements
    std::size_t element_bytes = 0;           // of a list's elements
    std::span<const WrittenField> fields{};  // of a struct
    int schema = 0;                          // of a struct that has one

    [[nodiscard]] Json operator()(const void* value, const Place& place, void* tensors,
                                  bool not_finite) const {
        return write(*this, value, place, tensors, not_finite);
    }
};

[[nodiscard]] inline Json write_struct(const Writing& self, const void* value, const Place& place,
                                       void* tensors, bool /*not_finite*/) {
    Json object = Json::object();
    if (self.schema > 0) object.emplace(std::string(schema_field), self.schema);
    for (const WrittenField& field : self.fields) {
        object.emplace(std::string(field.name),
                       (*field.type)(field.address(value), Place(place, field.name), tensors,
                                     field.may_be_not_finite));
    }
    return object;
}

[[nodiscard]] inline Json write_elements(const Writing& self, const void* first, std::size_t count,
                                         const Place& place, void* tensors, bool not_finite) {
    Json list = Json::array();
    const auto* element = static_cast<const std::byte*>(first);
    for (std::size_t i = 0; i < count; ++i, element += self.element_bytes) {
        const Place below(place, i, self.label(element));
        list.push_back((*self.inner)(element, below, tensors, not_finite));
    }
    return list;
}

/// The functions that a table of `T` can have; each does what its kind of type needs, and no more.
template <class T, class Tensors>
struct WriteAs {
    static const T& of(const void* value) noexcept { return *static_cast<const T*>(value); }

    static Json plain(const Writing&, const void* value, const Place&, void*, bool) {
        return of(value);
    }
    static Json enumerator(const Writing&, const void* value, const Place&, void*, bool) {
        return std::string(name_of(of(value)));
    }
    static Json real(const Writing&, const void* value, const Place& place, void*,
                     bool not_finite) {
        return write_real(static_cast<double>(of(value)), place, not_finite);
    }
    static Json text(const Writing&, const void* value, const Place& place, void*, bool) {
        return write_text(of(value), place);
    }
    static Json time(const Writing&, const void* value, const Place&, void*, bool) {
        using std::chrono::nanoseconds;
        return static_cast<std::int64_t>(
            std::chrono::duration_cast<nanoseconds>(of(value).time_since_epoch()).count());
    }
    static Json optional(const Writing& self, const void* value, const Place& place, void* tensors,
                         bool not_finite) {
        if (!of(value)) return nullptr;
        return (*self.inner)(&*of(value), place, tensors, not_finite);
    }
    static Json tensor(const Writing&, const void* value, const Place& place, void* tensors, bool) {
        if (of(value).empty()) return nullptr;
        std::string name = place.tensor_name();
        static_cast<Tensors*>(tensors)->add(name, of(value));
        return name;
    }
    static Json any_tensor(const Writing&, const void* value, const Place& place, void* tensors,
                           bool not_finite);
    static Json variant(const Writing&, const void* value, const Place& place, void* tensors,
                        bool not_finite);
    static Json list(const Writing& self, const void* value, const Place& place, void* tensors,
                     bool not_finite) {
        return write_elements(self, of(value).data(), of(value).size(), place, tensors, not_finite);
    }
    static Json flags(const Writing&, const void* value, const Place&, void*, bool) {
        Json list = Json::array();
        for (const bool flag : of(value)) list.push_back(flag);
        return list;
    }
    static Json map(const Writing& self, const void* value, const Place& place, void* tensors,
                    bool not_finite) {
        Json object = Json::object();
        for (const auto& [key, each] : of(value)) {
            const Place below(place, key);
            object.emplace(write_text(key, below),
                           (*self.inner)(&each, below, tensors, not_finite));
        }
        return object;
    }
    static std::string_view label(const void* element) { return label_of(of(element)); }
};

template <class T, class Tensors>
consteval Writing make_writing();

template <class T, class Tensors>
inline constexpr Writing writing = make_writing<T, Tensors>();

template <class Struct, class Tensors, class List>
struct WrittenFields;

template <class Struct, class Tensors, auto... Pointers>
struct WrittenFields<Struct, Tensors, reflect::List<Pointers...>> {
    static constexpr std::array<WrittenField, sizeof...(Pointers)> all{
        WrittenField{reflect::name_of_field<Pointers>, &reflect::address_of_field<Struct, Pointers>,
                     &writing<reflect::TypeOfField<Pointers>, Tensors>,
                     may_be_not_finite<Struct>(reflect::name_of_field<Pointers>)}...};
};

template <class T, class Tensors>
consteval Writing make_writing() {
    using As = WriteAs<T, Tensors>;
    if constexpr (std::same_as<T, bool> || std::integral<T>) {
        return {.write = &As::plain};
    } else if constexpr (std::is_enum_v<T>) {
        return {.write = &As::enumerator};
    } else if constexpr (std::floating_point<T>) {
        return {.write = &As::real};
    } else if constexpr (std::same_as<T, std::string>) {
        return {.write = &As::text};
    } else if constexpr (std::same_as<T, TimePoint>) {
        return {.write = &As::time};
    } else if constexpr (is_optional<T>) {
        return {.write = &As::optional, .inner = &writing<typename T::value_type, Tensors>};
    } else if constexpr (is_tensor<T>) {
        return {.write = &As::tensor};
    } else if constexpr (is_any_tensor<T>) {
        return {.write = &As::any_tensor};
    } else if constexpr (is_variant<T>) {
        return {.write = &As::variant};
    } else if constexpr (std::same_as<T, std::vector<bool>>) {
        return {.write = &As::flags};
    } else if constexpr (is_list<T>) {
        using Element = typename T::value_type;
        return {.write = &As::list,
                .inner = &writing<Element, Tensors>,
                .label = &WriteAs<Element, Tensors>::label,
                .element_bytes = sizeof(Element)};
    } else if constexpr (is_map<T>) {
        return {.write = &As::map, .inner = &writing<typename T::mapped_type, Tensors>};
    } else if constexpr (reflect::Reflected<T>) {
        Writing made{.write = &write_struct};
        made.fields = WrittenFields<T, Tensors, typename reflect::FieldsOf<T>::List>::all;
        made.schema = schema_of<T>();
        return made;
    } else {
        static_assert(unsupported<T>,
                      "a checkpoint cannot hold a field of this type: use numbers, texts, "
                      "enumerations with Enumerators, vectors, optionals, maps by text, tensors, "
                      "or structs with `using Fields = reflect::List<...>`");
        return {.write = nullptr};  // so that this is all that is said
    }
}

template <class T, class Tensors>
Json WriteAs<T, Tensors>::any_tensor(const Writing&, const void* value, const Place& place,
                                     void* tensors, bool not_finite) {
    return std::visit(
        [&]<class Held>(const Held& held) {
            return writing<Held, Tensors>(&held, place, tensors, not_finite);
        },
        of(value));
}

template <class T, class Tensors>
Json WriteAs<T, Tensors>::variant(const Writing&, const void* value, const Place& place,
                                  void* tensors, bool not_finite) {
    return std::visit(
        [&]<class Held>(const Held& held) {
            constexpr std::string_view name = alternative_name<Held>();
            Json object = Json::object();
            object.emplace(std::string(name),
                           writing<Held, Tensors>(&held, Place(place, name), tensors, not_finite));
            return object;
        },
        of(value));
}

}  // namespace detail

/// The value as JSON. `tensors.add(name, tensor)` is called for each tensor in it that is not
/// empty. Enumerations are texts, absent values null, variants objects of one field. Errors:
/// NumericError for numbers that are not finite where none may be; CheckpointError for texts that
/// are not UTF-8.
template <class T, class Tensors>
[[nodiscard]] Json write(const T& value, const Place& place, Tensors& tensors,
                         bool not_finite = false) {
    return detail::writing<T, Tensors>(&value, place, &tensors, not_finite);
}

}  // namespace kasmina::checkpoint::record
