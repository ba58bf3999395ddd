using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.ML.OnnxRuntime;
using Slipway.Telemetry;

namespace Slipway.Engine.Execution;

/// <summary>Makes ONNX Runtime's native library ready for the first session.</summary>
/// <remarks>
/// Its telemetry writes a device id and events into the home folder and sends them to a collector. The environment
/// variable is read once, when the library creates its environment, and keeps the uploader from being created at all;
/// the call is for systems on which the library heeds that alone, and for an environment that existed before. Source:
/// ONNX Runtime, docs/Privacy.md.
/// </remarks>
internal static partial class NativeRuntime
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>Loads the library, with its telemetry off unless the program wants it.</summary>
    /// <exception cref="NotSupportedException">The library is missing, or of another version than its
    /// binding.</exception>
    public static void Require()
    {
        var sendsEvents = AppContext.TryGetSwitch(SlipwayTelemetry.OnnxRuntimeSwitch, out var value) && value;
        if (!sendsEvents && !OperatingSystem.IsWindows())
        {
            // What .NET calls the environment is a copy, which native libraries do not see.
            _ = SetVariable(Variable, "1", 1);
        }

        try
        {
            var environment = OrtEnv.Instance();
            if (!sendsEvents)
            {
                environment.DisableTelemetryEvents();
            }
        }
        catch (Exception exception) when (exception.GetBaseException()
            is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new NotSupportedException(
                "The native library of ONNX Runtime is missing or of another version. Reference the package "
                + "'Slipway.Cpu' in the program, and no other version of 'Microsoft.ML.OnnxRuntime'.",
                exception);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [UnsupportedOSPlatform("windows")]
    private static partial int SetVariable(string name, string value, int overwrite);
}
