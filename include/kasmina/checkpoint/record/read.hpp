// read: a plain struct out of JSON, strictly: every field once, of its type and in its range.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <kasmina/checkpoint/record/json_values.hpp>
#include <kasmina/checkpoint/record/kinds.hpp>
#include <kasmina/checkpoint/record/place.hpp>
#include <kasmina/checkpoint/record/schema.hpp>
#include <kasmina/comma_list.hpp>
#include <kasmina/error.hpp>
#include <kasmina/reflect/check_enumerator.hpp>
#include <kasmina/reflect/enumerators.hpp>
#include <kasmina/reflect/fields.hpp>

/// \file
/// As in write.hpp, what has to be known of a type is a table, here `Reading`.
namespace kasmina::checkpoint::record {

namespace detail {

/// A name of an element before the element is read; for the names of tensors.
[[nodiscard]] inline std::string_view label_in(const Json& element) {
    if (!element.is_object()) return {};
    const auto found = element.find("name");
    if (found == element.end() || !found->is_string()) return {};
    return found->get_ref<const std::string&>();
}

/// Once the field that tells a struct's kind is read, before those whose form it says. Errors:
/// CheckpointError for another kind than the struct that is read into.
template <HasKind Struct>
void check_kind(const void* value, std::string_view field, const Place& place) {
    if (field != Struct::Kind::names[0]) return;
    try {
        static_cast<const Struct*>(value)->check_kind();
    } catch (const StateError& error) {
        throw CheckpointError(error.what_happened(),
                              std::string(place.source()) + ": " + place.path().text(),
                              error.expected(), error.got(), error.mend());
    }
}

struct Reading;

/// A field of a struct.
struct ReadField {
    reflect::FieldAddress address;
    const Reading* type;
    bool may_be_not_finite;
};

/// How values of one type are read.
struct Reading {
    using Read = void(const Reading& self, const Json& value, void* into, const Place& place,
                      void* tensors, bool not_finite);
    using CheckKind = void(const void* value, std::string_view field, const Place& place);
    using Migrate = void(const Json::object_t& object, int schema, void* into, const Place& place,
                         void* tensors);

    Read* read;
    const Reading* inner = nullptr;             // of an optional, a list, a map
    std::size_t element_bytes = 0;              // of a list's elements
    std::span<const ReadField> fields{};        // of a struct
    std::span<const std::string_view> names{};  // of a struct's fields
    int schema = 0;                             // of a struct that has one
    CheckKind* check_kind = nullptr;            // of a struct that has one
    Migrate* migrate = nullptr;                 // of a struct that was something else before

    void operator()(const Json& value, void* into, const Place& place, void* tensors,
                    bool not_finite) const {
        read(*this, value, into, place, tensors, not_finite);
    }
};

inline void read_fields(const Reading& self, const Json::object_t& object, int schema, void* into,
                        const Place& place, void* tensors) {
    if (schema < self.schema) {
        if (self.migrate == nullptr) refuse_old_schema(schema, self.schema, place);
        self.migrate(object, schema, into, place, tensors);
        return;
    }
    for (std::size_t i = 0; i < self.fields.size(); ++i) {
        const ReadField& field = self.fields[i];
        const std::string_view name = self.names[i];
        const Place below(place, name);
        (*field.type)(field_of(object, name, place), const_cast<void*>(field.address(into)), below,
                      tensors, field.may_be_not_finite);
        if (self.check_kind != nullptr) self.check_kind(into, name, below);
    }
    check_no_more(object, self.names, self.schema > 0, place);
}

inline void read_struct(const Reading& self, const Json& value, void* into, const Place& place,
                        void* tensors, bool /*not_finite*/) {
    const Json::object_t& object = read_object(value, place);
    const int schema = self.schema > 0 ? read_schema(object, self.schema, place) : 0;
    read_fields(self, object, schema, into, place, tensors);
}

inline void read_elements(const Reading& self, const Json::array_t& list, void* first,
                          const Place& place, void* tensors, bool not_finite) {
    auto* element = static_cast<std::byte*>(first);
    for (std::size_t i = 0; i < list.size(); ++i, element += self.element_bytes) {
        (*self.inner)(list[i], element, Place(place, i, label_in(list[i])), tensors, not_finite);
    }
}

/// The name of a tensor's own that a record says. Errors: CheckpointError for another.
[[nodiscard]] inline const std::string& read_tensor_name(const Json& value, const Place& place) {
    const std::string& name = read_text(value, place);
    if (name != place.tensor_name()) {
        place.refuse("a tensor of another name", file::in_quotes(place.tensor_name()),
                     shown(value));
    }
    return name;
}

/// The functions that a table of `T` can have; each does what its kind of type needs, and no more.
template <class T, class Tensors>
struct ReadAs {
    static T& of(void* into) noexcept { return *static_cast<T*>(into); }

    static void boolean(const Reading&, const Json& value, void* into, const Place& place, void*,
                        bool) {
        of(into) = read_bool(value, place);
    }
    static void enumerator(const Reading&, const Json& value, void* into, const Place& place, void*,
                           bool) {
        const std::optional<T> known = reflect::enumerator_named<T>(read_text(value, place));
        if (!known) {
            place.refuse("a name that is not known",
                         reflect::names_in_words(reflect::enumerators<T>), shown(value));
        }
        of(into) = *known;
    }
    static void whole(const Reading&, const Json& value, void* into, const Place& place, void*,
                      bool) {
        using Limits = std::numeric_limits<T>;
        if constexpr (std::signed_integral<T>) {
            of(into) = static_cast<T>(read_signed(value, place, Limits::min(), Limits::max()));
        } else {
            of(into) = static_cast<T>(read_unsigned(value, place, Limits::max()));
        }
    }
    static void real(const Reading&, const Json& value, void* into, const Place& place, void*,
                     bool not_finite) {
        const double number = read_real(value, place, not_finite);
        of(into) = static_cast<T>(number);
        if (static_cast<double>(of(into)) != number && number == number) {
            place.refuse("a number that does not fit", "one of single precision", shown(value));
        }
    }
    static void text(const Reading&, const Json& value, void* into, const Place& place, void*,
                     bool) {
        of(into) = read_text(value, place);
    }
    static void time(const Reading&, const Json& value, void* into, const Place& place, void*,
                     bool) {
        using Limits = std::numeric_limits<std::int64_t>;
        of(into) = T(std::chrono::duration_cast<typename T::duration>(
            std::chrono::nanoseconds(read_signed(value, place, Limits::min(), Limits::max()))));
    }
    static void optional(const Reading& self, const Json& value, void* into, const Place& place,
                         void* tensors, bool not_finite) {
        of(into).reset();
        if (value.is_null()) return;
        (*self.inner)(value, &of(into).emplace(), place, tensors, not_finite);
    }
    static void tensor(const Reading&, const Json& value, void* into, const Place& place,
                       void* tensors, bool) {
        of(into) = T{};
        if (value.is_null()) return;
        of(into) = static_cast<Tensors*>(tensors)->template read<T>(read_tensor_name(value, place));
    }
    static void variant(const Reading&, const Json& value, void* into, const Place& place,
                        void* tensors, bool not_finite);
    static void list(const Reading& self, const Json& value, void* into, const Place& place,
                     void* tensors, bool not_finite) {
        const Json::array_t& elements = read_list(value, place);
        of(into).clear();
        of(into).resize(elements.size());
        read_elements(self, elements, of(into).data(), place, tensors, not_finite);
    }
    static void flags(const Reading&, const Json& value, void* into, const Place& place, void*,
                      bool) {
        of(into).clear();
        for (const Json& flag : read_list(value, place)) {
            of(into).push_back(read_bool(flag, Place(place, of(into).size(), {})));
        }
    }
    static void map(const Reading& self, const Json& value, void* into, const Place& place,
                    void* tensors, bool not_finite) {
        of(into).clear();
        for (const auto& [key, each] : read_object(value, place)) {
            (*self.inner)(each, &of(into)[key], Place(place, key), tensors, not_finite);
        }
    }
    static void migrate(const Json::object_t& object, int schema, void* into, const Place& place,
                        void* tensors);
};

template <class T, class Tensors>
consteval Reading make_reading();

template <class T, class Tensors>
inline constexpr Reading reading = make_reading<T, Tensors>();

template <class Struct, class Tensors, class List>
struct ReadFields;

template <class Struct, class Tensors, auto... Pointers>
struct ReadFields<Struct, Tensors, reflect::List<Pointers...>> {
    static constexpr std::array<ReadField, sizeof...(Pointers)> all{
        ReadField{&reflect::address_of_field<Struct, Pointers>,
                  &reading<reflect::TypeOfField<Pointers>, Tensors>,
                  may_be_not_finite<Struct>(reflect::name_of_field<Pointers>)}...};
};

template <class T, class Tensors>
consteval Reading make_reading() {
    using As = ReadAs<T, Tensors>;
    if constexpr (std::same_as<T, bool>) {
        return {.read = &As::boolean};
    } else if constexpr (std::is_enum_v<T>) {
        return {.read = &As::enumerator};
    } else if constexpr (std::integral<T>) {
        return {.read = &As::whole};
    } else if constexpr (std::floating_point<T>) {
        return {.read = &As::real};
    } else if constexpr (std::same_as<T, std::string>) {
        return {.read = &As::text};
    } else if constexpr (std::same_as<T, TimePoint>) {
        return {.read = &As::time};
    } else if constexpr (is_optional<T>) {
        return {.read = &As::optional, .inner = &reading<typename T::value_type, Tensors>};
    } else if constexpr (is_tensor<T> || is_any_tensor<T>) {
        return {.read = &As::tensor};
    } else if constexpr (is_variant<T>) {
        return {.read = &As::variant};
    } else if constexpr (std::same_as<T, std::vector<bool>>) {
        return {.read = &As::flags};
    } else if constexpr (is_list<T>) {
        using Element = typename T::value_type;
        return {.read = &As::list,
                .inner = &reading<Element, Tensors>,
                .element_bytes = sizeof(Element)};
    } else if constexpr (is_map<T>) {
        return {.read = &As::map, .inner = &reading<typename T::mapped_type, Tensors>};
    } else if constexpr (reflect::Reflected<T>) {
        Reading made{.read = &read_struct};
        made.fields = ReadFields<T, Tensors, typename reflect::FieldsOf<T>::List>::all;
        made.names = reflect::field_names<T>;
        if constexpr (HasKind<T>) made.check_kind = &check_kind<T>;
        made.schema = schema_of<T>();
        if constexpr (Migrated<T>) made.migrate = &As::migrate;
        return made;
    } else {
        static_assert(unsupported<T>,
                      "a checkpoint cannot hold a field of this type: use numbers, texts, "
                      "enumerations with Enumerators, vectors, optionals, maps by text, tensors, "
                      "or structs with `using Fields = reflect::List<...>`");
        return {.read = nullptr};  // so that this is all that is said
    }
}

template <class T, class Tensors>
void ReadAs<T, Tensors>::variant(const Reading&, const Json& value, void* into, const Place& place,
                                 void* tensors, bool not_finite) {
    const Json::object_t& object = read_object(value, place);
    const auto try_one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        using Held = std::variant_alternative_t<I, T>;
        constexpr std::string_view name = alternative_name<Held>();
        const auto found = object.find(std::string(name));
        if (object.size() != 1 || found == object.end()) return false;
        Held held{};
        reading<Held, Tensors>(found->second, &held, Place(place, name), tensors, not_finite);
        of(into).template emplace<I>(std::move(held));
        return true;
    };
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
        if ((try_one(std::integral_constant<std::size_t, Is>{}) || ...)) return;
        std::string names;
        (append_to_list(names, alternative_name<std::variant_alternative_t<Is, T>>()), ...);
        place.refuse("none of the alternatives", "an object with one of " + names, shown(value));
    }(std::make_index_sequence<std::variant_size_v<T>>{});
}

template <class T, class Tensors>
void ReadAs<T, Tensors>::migrate(const Json::object_t& object, int schema, void* into,
                                 const Place& place, void* tensors) {
    typename T::Before before{};
    read_fields(reading<typename T::Before, Tensors>, object, schema, &before, place, tensors);
    of(into) = T::migrated(std::move(before));
}

}  // namespace detail

/// Reads `value` into `into`. A tensor is `tensors.template read<T>(name)`. Errors:
/// CheckpointError with the JSON path, what was expected and what is there.
template <class T, class Tensors>
void read(const Json& value, T& into, const Place& place, Tensors& tensors,
          bool not_finite = false) {
    detail::reading<T, Tensors>(value, &into, place, &tensors, not_finite);
}

}  // namespace kasmina::checkpoint::record
