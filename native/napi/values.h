// JavaScript values to C++ and back, in plain Node-API. Without the C++ wrapper's objects: those
// end the process where a call fails in a Worker that is being terminated, and a switch of
// namespaces may cost no more than its system call. A failed call here leaves the default, and
// nobody is left to see it.
#pragma once
#include <node_api.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace js {

template <size_t most>
struct Arguments {
  Arguments(napi_env env, napi_callback_info info) {
    size_t count = most;
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
  napi_value operator[](size_t index) const { return values[index]; }
  napi_value values[most];
};

inline int Int(napi_env env, napi_value value) {
  int32_t number = -1;
  napi_get_value_int32(env, value, &number);
  return number;
}

inline bool Bool(napi_env env, napi_value value) {
  bool truth = false;
  napi_get_value_bool(env, value, &truth);
  return truth;
}

inline bool IsText(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type == napi_string;
}

inline std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

// Of an array of strings.
inline std::vector<std::string> Texts(napi_env env, napi_value array) {
  uint32_t count = 0;
  napi_get_array_length(env, array, &count);
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < count; i++) {
    napi_value text = nullptr;
    napi_get_element(env, array, i, &text);
    texts.push_back(Text(env, text));
  }
  return texts;
}

inline napi_value FromInt(napi_env env, int number) {
  napi_value value = nullptr;
  napi_create_int32(env, number, &value);
  return value;
}

inline napi_value FromDouble(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

inline napi_value FromText(napi_env env, const char* text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

inline napi_value FromText(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

// A typed array of its own.
template <class T>
napi_value FromArray(napi_env env, napi_typedarray_type type, const std::vector<T>& numbers) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value value = nullptr;
  const size_t size = numbers.size() * sizeof(T);
  if (napi_create_arraybuffer(env, size, &data, &buffer) != napi_ok) return nullptr;
  if (size > 0) memcpy(data, numbers.data(), size);
  napi_create_typedarray(env, type, numbers.size(), buffer, 0, &value);
  return value;
}

// Of a typed array whose elements are Ts.
template <class T>
std::vector<T> ToVector(napi_env env, napi_value array) {
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, nullptr, &length, &data, nullptr, nullptr) != napi_ok) {
    return {};
  }
  const T* numbers = static_cast<const T*>(data);
  return std::vector<T>(numbers, numbers + length);
}

inline napi_value NewObject(napi_env env) {
  napi_value value = nullptr;
  napi_create_object(env, &value);
  return value;
}

inline napi_value NewArray(napi_env env) {
  napi_value value = nullptr;
  napi_create_array(env, &value);
  return value;
}

inline void Set(napi_env env, napi_value object, const char* name, napi_value value) {
  if (object != nullptr && value != nullptr) napi_set_named_property(env, object, name, value);
}

inline void Set(napi_env env, napi_value array, uint32_t index, napi_value value) {
  if (array != nullptr && value != nullptr) napi_set_element(env, array, index, value);
}

inline void Export(napi_env env, napi_value exports, const char* name, napi_callback call) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function);
  Set(env, exports, name, function);
}

}  // namespace js
