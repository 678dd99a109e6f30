{
  "targets": [
    {
      "target_name": "addon",
      "sources": [
        "native/addon.cc",
        "native/bind_sys.cc",
        "native/bind_task.cc",
        "native/bind_debugger.cc",
        "native/create.cc",
        "native/debugger.cc",
        "native/lookup.cc",
        "native/sys.cc"
      ],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api"],
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-fno-rtti", "-fvisibility=hidden"],
      "ldflags": ["-Wl,--as-needed", "-Wl,-z,relro,-z,now,-z,nodelete"]
    }
  ]
}
