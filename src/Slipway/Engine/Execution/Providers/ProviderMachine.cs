using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Execution.Providers;

/// <summary>Asks this machine. Safe for concurrent use.</summary>
internal sealed class ProviderMachine : IProviderMachine
{
    private readonly Lock _lock = new();
    private readonly HashSet<ExecutionProvider> _registered = [];

    private ProviderMachine()
    {
    }

    public static ProviderMachine Instance { get; } = new();

    /// <summary>The file of ONNX Runtime that this process has loaded; null where the system does not say.</summary>
    public static string? RuntimeFile
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.Modules.Cast<ProcessModule>().Select(module => module.FileName).FirstOrDefault(
                file => Path.GetFileName(file) is "libonnxruntime.so" or "libonnxruntime.dylib" or "onnxruntime.dll");
        }
    }

    public bool HasProvider(ExecutionProvider provider)
        => OrtEnv.Instance().GetAvailableProviders().Contains(provider.RuntimeName);

    public bool HasLibrary(string name)
    {
        if (!NativeLibrary.TryLoad(name, out var library))
        {
            return false;
        }

        NativeLibrary.Free(library);
        return true;
    }

    public IReadOnlyList<string> Devices(ExecutionProvider provider)
    {
        Register(provider);
        return [.. OrtEnv.Instance().GetEpDevices()
            .Where(device => device.EpName == provider.RuntimeName)
            .Select(device => Describe(device.HardwareDevice))];
    }

    // ONNX Runtime lists devices of providers in files of their own only once it was told of the file.
    private void Register(ExecutionProvider provider)
    {
        if (provider.File is not { } file || RuntimeFile is not { } runtime)
        {
            return;
        }

        lock (_lock)
        {
            if (_registered.Contains(provider))
            {
                return;
            }

            try
            {
                OrtEnv.Instance().RegisterExecutionProviderLibrary(
                    provider.RuntimeName, Path.Combine(Path.GetDirectoryName(runtime)!, file));
                _registered.Add(provider);
            }
            catch (OnnxRuntimeException exception)
            {
                throw new NotSupportedException(
                    $"ONNX Runtime cannot load '{file}': {exception.Message}", exception);
            }
        }
    }

    private static string Describe(OrtHardwareDevice device)
    {
        var name = device.Metadata.Entries.TryGetValue("Description", out var description)
            ? description : FormattableString.Invariant($"{device.Type} {device.DeviceId:x4}");
        return $"{device.Vendor} {name}".Trim();
    }
}
