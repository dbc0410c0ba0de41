// Every rule of a file broken once: each is an error of its own that says where, and what was
// expected and found.
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <kasmina/checkpoint/file/reader.hpp>

#include "checkpoint/file/support.hpp"
#include "support/catch.hpp"
#include "support/error_text.hpp"
#include "support/temporary_folder.hpp"

namespace kasmina::test::rules_test {
namespace {

using file::Reader;

/// The part of a text that is compared where the rest, behind *, is another library's.
std::string up_to_star(std::string text, const std::string& expected) {
    if (expected.ends_with('*')) text = text.substr(0, expected.size() - 1) + '*';
    return text;
}

/// A file that breaks a rule, and the error that a user sees, from behind the file's name up to how
/// to mend it.
struct Broken {
    std::string header;
    std::size_t data_bytes;
    std::string error;
};

std::string error_of(const std::string& bytes) {
    const TemporaryFolder folder;
    const auto path = folder / "f";
    put(path, bytes);
    std::string text = error_text<CheckpointError>([&] { static_cast<void>(Reader::open(path)); });
    if (text.empty()) return "no error";
    CHECK(text.starts_with(path.string() + ": "));
    text.erase(0, path.string().size() + 2);
    return text.substr(0, text.find("; to mend"));
}

const std::string w = R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";

TEST_CASE("a file that breaks no rule is read", "[C-2]") {
    CHECK(error_of(file_with("{" + w + "}", 8)) == "no error");
    CHECK(error_of(file_with("{" + w + "}       ", 8)) == "no error");
    CHECK(error_of(file_with("{\n\t\"__metadata__\" : {\"a\":\"b\"}, " + w + "\r\n}", 8)) ==
          "no error");
    CHECK(error_of(file_with("{" + w + R"(,"__metadata__":{}})", 8)) == "no error");
    CHECK(error_of(file_with("{}", 0)) == "no error");
    // Empty tensors lie anywhere between others.
    CHECK(error_of(file_with("{" + w +
                                 R"(,"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})"
                                 R"(,"b":{"dtype":"F32","shape":[3,0],"data_offsets":[8,8]}})",
                             8)) == "no error");
    // A key is what its escapes say.
    CHECK(error_of(file_with(R"({"\u0077":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                             8)) == "no error");
}

TEST_CASE("every broken rule of a header is an error that names the place", "[C-2]") {
    const std::vector<Broken> corpus{
        // The document.
        {"", 0,
         "header: the header is not an object; expected { first, and nothing but spaces behind the "
         "last }; got nothing"},
        {" {}", 0,
         "header: the header is not an object; expected { first, and nothing but spaces behind the "
         "last }; got \" {}\" ... \" {}\""},
        {"{}\n", 0,
         "header: the header is not an object; expected { first, and nothing but spaces behind the "
         "last }; got \"{}\\n\" ... \"{}\\n\""},
        {"[]", 0,
         "header: the header is not an object; expected { first, and nothing but spaces behind the "
         "last }; got \"[]\" ... \"[]\""},
        {"\xEF\xBB\xBF{}", 0,
         "header: the header is not an object; expected { first, and nothing but spaces behind the "
         "last }; got \"\xEF\xBB\xBF{}\" ... \"\xEF\xBB\xBF{}\""},
        {std::string("{}\0{}", 5), 0,
         "$: a zero byte in the JSON; expected text; got a zero byte at byte 2"},
        {"{}{}", 0, "header $: the header is not JSON; expected JSON; got *"},
        {"{" + w + ",}", 8, "header $: the header is not JSON; expected JSON; got *"},
        {"{\"\xff\":1}", 0, "header $: the header is not JSON; expected JSON; got *"},
        {R"({"w":NaN})", 0, "header $.w: the header is not JSON; expected JSON; got *"},
        {"{/**/}", 0, "header $: the header is not JSON; expected JSON; got *"},
        // Metadata.
        {R"({"__metadata__":{"a":"b"},"__metadata__":{"c":"d"}})", 0,
         "header $.__metadata__: a key that stands twice; expected every key once; got a second "
         "\"__metadata__\""},
        {R"({"__metadata__":{"a":"b","a":"b"}})", 0,
         "header $.__metadata__.a: a key that stands twice; expected every key once; got a second "
         "\"a\""},
        {R"({"__metadata__":{"a b":"","a\u0020b":""}})", 0,
         "header $.__metadata__[\"a b\"]: a key that stands twice; expected every key once; got a "
         "second \"a b\""},
        {R"({"__metadata__":{"a":1}})", 0,
         "header $.__metadata__.a: a value of the wrong kind; expected a text; got 1"},
        {R"({"__metadata__":{"a":null}})", 0,
         "header $.__metadata__.a: a value of the wrong kind; expected a text; got null"},
        {R"({"__metadata__":{"a":{"b":"c"}}})", 0,
         "header $.__metadata__.a: a value of the wrong kind; expected a text; got an object"},
        {R"({"__metadata__":[]})", 0,
         "header $.__metadata__: a value of the wrong kind; expected an object; got an array"},
        {R"({"__metadata__":"a"})", 0,
         "header $.__metadata__: a value of the wrong kind; expected an object; got \"a\""},
        // Names.
        {"{" + w + "," + w + "}", 8,
         "tensor \"w\": a tensor that stands twice; expected every name once; got a second \"w\""},
        {"{" + w + R"(,"\u0077":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}})", 8,
         "tensor \"w\": a tensor that stands twice; expected every name once; got a second \"w\""},
        {R"({"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8,
         "header $[\"\"]: a tensor without a name; expected a name; got an empty text"},
        // Fields of a tensor.
        {R"({"w":[1]})", 8,
         "header $.w: a value of the wrong kind; expected an object; got an array"},
        {R"({"w":7})", 8, "header $.w: a value of the wrong kind; expected an object; got 7"},
        {R"({"w":{"shape":[2],"data_offsets":[0,8]}})", 8,
         "header $.w: a field is missing; expected dtype; got nothing"},
        {R"({"w":{"dtype":"F32","data_offsets":[0,8]}})", 8,
         "header $.w: a field is missing; expected shape; got nothing"},
        {R"({"w":{"dtype":"F32","shape":[2]}})", 8,
         "header $.w: a field is missing; expected data_offsets; got nothing"},
        {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"strides":[1]}})", 8,
         "header $.w.strides: an unknown field; expected dtype, shape and data_offsets; got "
         "\"strides\""},
        {R"({"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8,
         "header $.w.dtype: a key that stands twice; expected every key once; got a second "
         "\"dtype\""},
        {R"({"host/w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"shape":[2]}})", 8,
         "header $[\"host/w\"].shape: a key that stands twice; expected every key once; got a "
         "second \"shape\""},
        {R"({"w":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", 8,
         "header $.w.dtype: an element type that is not known; expected one of BOOL, U8, I8, I16, "
         "U16, F16, BF16, I32, U32, F32, F64, I64, U64; got \"F33\""},
        {R"({"w":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}})", 8,
         "header $.w.dtype: an element type that is not known; expected one of BOOL, U8, I8, I16, "
         "U16, F16, BF16, I32, U32, F32, F64, I64, U64; got \"f32\""},
        {R"({"w":{"dtype":1,"shape":[2],"data_offsets":[0,8]}})", 8,
         "header $.w.dtype: a value of the wrong kind; expected an element type's name; got 1"},
        {R"({"w":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", 8,
         "header $.w.shape: a value of the wrong kind; expected an array of extents; got 2"},
        {R"({"w":{"dtype":"F32","shape":[1,-2],"data_offsets":[0,8]}})", 8,
         "header $.w.shape[1]: a value of the wrong kind; expected a whole number from 0 to 2^64 - "
         "1; got -2"},
        {R"({"w":{"dtype":"F32","shape":[-0],"data_offsets":[0,8]}})", 8,
         "header $.w.shape[0]: a value of the wrong kind; expected a whole number from 0 to 2^64 - "
         "1; got 0"},
        {R"({"w":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8,
         "header $.w.shape[0]: a value of the wrong kind; expected a whole number from 0 to 2^64 - "
         "1; got 2.0"},
        {R"({"w":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]}})", 8,
         "header $.w.shape[0]: a value of the wrong kind; expected a whole number from 0 to 2^64 - "
         "1; got 18446744073709551616"},
        {R"({"w":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})", 8,
         "header $.w.shape[0]: a value of the wrong kind; expected a whole number from 0 to 2^64 - "
         "1; got an array"},
        {R"({"w":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}})", 8,
         "header $.w.shape[0]: a value of the wrong kind; expected a whole number from 0 to 2^64 - "
         "1; got \"2\""},
        {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":8}})", 8,
         "header $.w.data_offsets: a value of the wrong kind; expected an array of begin and end; "
         "got 8"},
        {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8]}})", 8,
         "header $.w.data_offsets[1]: an offset is missing; expected a begin and an end; got 1 "
         "numbers"},
        {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})", 8,
         "header $.w.data_offsets[2]: a value of the wrong kind; expected two whole numbers from 0 "
         "to 2^64 - 1; got 8"},
        {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8.0]}})", 8,
         "header $.w.data_offsets[1]: a value of the wrong kind; expected two whole numbers from 0 "
         "to 2^64 - 1; got 8.0"},
        {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[-1,8]}})", 8,
         "header $.w.data_offsets[0]: a value of the wrong kind; expected two whole numbers from 0 "
         "to 2^64 - 1; got -1"},
        // Sizes and places.
        {R"({"w":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}})",
         8,
         "tensor \"w\": a shape whose size overflows; expected fewer than 2^63 bytes; got "
         "(4294967296, 4294967296, 4294967296)"},
        {R"({"w":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0,
         "tensor \"w\": a shape whose size overflows; expected fewer than 2^63 bytes; got (0, "
         "4294967296, 4294967296)"},
        {R"({"w":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}})", 0,
         "tensor \"w\": a shape whose size overflows; expected fewer than 2^63 bytes; got "
         "(4294967296, 4294967296, 0)"},
        {R"({"w":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0,
         "tensor \"w\": a shape whose size overflows; expected fewer than 2^63 bytes; got "
         "(2305843009213693952)"},
        {R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8,
         "tensor \"w\": offsets in the wrong order; expected a begin up to the end, 0; got 8"},
        {R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})", 8,
         "tensor \"w\": a tensor that ends behind the file; expected an end of at most 8; got 12"},
        {R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
         "tensor \"w\": offsets that do not fit the shape; expected 12 bytes for F32 (3); got 8 "
         "bytes"},
        {R"({"w":{"dtype":"F32","shape":[],"data_offsets":[0,8]}})", 8,
         "tensor \"w\": offsets that do not fit the shape; expected 4 bytes for F32 (); got 8 "
         "bytes"},
        {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
         R"("w":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}})",
         9,
         "tensor \"w\": a tensor that is not aligned; expected a begin at a multiple of 8; got 1"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
         7,
         "tensor \"b\": two tensors that overlap; expected a begin of at least 4, the end of "
         "\"a\"; got 3"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
         4,
         "tensor \"b\": two tensors that overlap; expected a begin of at least 4, the end of "
         "\"a\"; got 0"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
         R"("b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
         4,
         "tensor \"b\": two tensors that overlap; expected a begin of at least 4, the end of "
         "\"a\"; got 2"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}})",
         9, "tensor \"b\": bytes that belong to no tensor; expected a begin of 4; got 5"},
        {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}})", 5,
         "tensor \"a\": bytes that belong to no tensor; expected a begin of 0; got 1"},
        {"{" + w + "}", 9,
         "end of the file: bytes behind the last tensor; expected 8 bytes of tensors; got 9 bytes"},
        {"{}", 1,
         "end of the file: bytes behind the last tensor; expected 0 bytes of tensors; got 1 bytes"},
        {"{" + w + "}", 7,
         "tensor \"w\": a tensor that ends behind the file; expected an end of at most 7; got 8"},
    };
    for (const Broken& broken : corpus) {
        INFO(broken.header);
        CHECK(up_to_star(error_of(file_with(broken.header, broken.data_bytes)), broken.error) ==
              broken.error);
    }
}

TEST_CASE("a shape has at most 64 extents", "[C-2][C-7]") {
    const auto with_rank = [](std::size_t rank) {
        std::string shape = "1";
        for (std::size_t i = 1; i < rank; ++i) shape += ",1";
        return file_with(R"({"w":{"dtype":"U8","shape":[)" + shape + R"(],"data_offsets":[0,1]}})",
                         1);
    };
    CHECK(error_of(with_rank(64)) == "no error");
    CHECK(error_of(with_rank(65)) ==
          "header $.w.shape[64]: too many extents; expected at most 64; got more");
}

TEST_CASE("the length of the header is compared with the file before it is believed",
          "[C-2][C-7]") {
    CHECK(error_of("") ==
          "length of the header: the file is too short; expected at least 8 bytes; got 0 bytes");
    CHECK(error_of("1234567") ==
          "length of the header: the file is too short; expected at least 8 bytes; got 7 bytes");
    CHECK(error_of(std::string(8, '\xff') + "{}") ==
          "length of the header: the header is too long; expected at most 100000000; got "
          "18446744073709551615");
    CHECK(error_of(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10)) ==
          "length of the header: the header is too long; expected at most 100000000; got "
          "100000001");
    CHECK(error_of(std::string("\x00\xe1\xf5\x05\0\0\0\0{}", 10)) ==
          "length of the header: the file ends within its header; expected a header of at most 2 "
          "bytes; got 100000000");
    CHECK(error_of(file_with("{" + w + "}", 8).substr(0, 20)) ==
          "length of the header: the file ends within its header; expected a header of at most 12 "
          "bytes; got 54");
}

TEST_CASE("a hundred bytes that claim terabytes are refused at once", "[C-7]") {
    const std::string header =
        R"({"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}})";
    const std::string bytes = file_with(header, 100 - 8 - header.size());
    REQUIRE(bytes.size() == 100);
    CHECK(mentions(error_of(bytes), "a tensor that ends behind the file"));
}

TEST_CASE("files of other writers may be unaligned where that is allowed", "[C-2]") {
    const TemporaryFolder folder;
    put(folder / "f", file_with(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                R"("w":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}})",
                                9));
    const Reader reader = Reader::open(folder / "f", {.aligned = false});
    CHECK(bytes_of(reader, "w") == std::vector<std::byte>(8, std::byte{0x2a}));
}

TEST_CASE("what is not a file is named", "[C-2]") {
    const TemporaryFolder folder;
    const auto text = [](const std::filesystem::path& path) {
        return error_text<CheckpointError>([&] { static_cast<void>(Reader::open(path)); });
    };
    CHECK(mentions(text(folder / "missing"), "No such file or directory"));
    CHECK(mentions(text(folder.path()), "expected a regular file; got a folder"));
    CHECK(mentions(text("/dev/zero"), "expected a regular file; got a device"));
    const auto fifo = folder / "fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    CHECK(mentions(text(fifo), "expected a regular file"));
}

TEST_CASE("names are shown short and readable, whatever they hold", "[C-7]") {
    const std::string name(50'000, 'x');
    const std::string text = error_of(
        file_with("{\"" + name + R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4));
    CHECK(mentions(text, "xxx...\""));
    CHECK(text.size() < 500);
    CHECK(mentions(
        error_of(file_with(R"({"\u0007\n":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4)),
        R"(tensor "\u0007\n")"));
    for (const auto& [hidden, shown] :
         {std::pair("a\x7f", R"("a\u007f")"), std::pair("\xc2\x9bm", R"("\u009bm")"),
          std::pair("\xe2\x80\xaex", R"("\u202ex")"), std::pair("\xe2\x81\xa6", R"("\u2066")"),
          std::pair("\xc3\xa9", "\"\xc3\xa9\"")}) {
        CHECK(mentions(
            error_of(file_with("{\"" + std::string(hidden) +
                                   R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                               4)),
            "tensor " + std::string(shown)));
    }
}

}  // namespace
}  // namespace kasmina::test::rules_test
