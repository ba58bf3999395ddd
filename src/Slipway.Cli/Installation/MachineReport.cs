using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text.Json.Nodes;
using Microsoft.ML.OnnxRuntime;
using Slipway.Cli.Hub;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Kernels.Interop;
using Slipway.Kernels.MatMul;

namespace Slipway.Cli.Installation;

/// <summary>Looks at what this machine has of all that the tool uses, and says how to get what is missing.</summary>
internal sealed class MachineReport
{
    // One row a set of instructions that some kernel or library here is written in.
    private static readonly (string Name, bool IsThere)[] Instructions =
    [
        ("AVX2", Avx2.IsSupported), ("FMA", Fma.IsSupported), ("AVX-VNNI", AvxVnni.IsSupported),
        ("AVX-512F", Avx512F.IsSupported), ("AVX-512BW", Avx512BW.IsSupported), ("AdvSimd", AdvSimd.IsSupported),
        ("Dp", Dp.IsSupported),
    ];

    // What ONNX Runtime's library for CUDA 13 asks for, by the names that the system's loader knows.
    private static readonly string[] CudaLibraries = OperatingSystem.IsWindows()
        ? ["cudart64_13.dll", "cublas64_13.dll", "cublasLt64_13.dll", "curand64_10.dll", "cudnn64_9.dll"]
        : ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcurand.so.10", "libcudnn.so.9"];

    private readonly List<(string What, string Remedy)> _missing = [];

    /// <summary>Tells whether packages run.</summary>
    public bool RunsPackages { get; private set; }

    /// <summary>Looks.</summary>
    public JsonObject Read()
    {
        var report = new JsonObject
        {
            ["slipway"] = typeof(MachineReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
                .InformationalVersion.Split('+')[0],
            ["system"] = new JsonObject
            {
                ["name"] = RuntimeInformation.OSDescription,
                ["runtime"] = RuntimeInformation.FrameworkDescription,
                ["identifier"] = RuntimeInformation.RuntimeIdentifier,
            },
            ["processor"] = Processor(),
            ["memory"] = new JsonObject
            {
                ["bytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
                ["free_bytes"] = FreeMemory.Bytes(),
            },
            ["onnx_runtime"] = OnnxRuntime(),
            ["libtorch"] = Torch(),
            ["cuda"] = Cuda(),
            ["hub"] = Hub(),
        };
        report["missing"] = new JsonArray([.. _missing.Select(
            row => (JsonNode)new JsonObject { ["what"] = row.What, ["remedy"] = row.Remedy })]);
        return report;
    }

    private JsonObject Processor()
    {
        if (!KernelLibrary.IsSupported)
        {
            _missing.Add((
                "This library's own kernels for int4 and int8 run on processors with AVX2 and FMA.",
                "Packages run in ONNX Runtime's kernels here, more slowly. Take another machine for speed."));
        }

        return new JsonObject
        {
            ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString(),
            ["threads"] = Environment.ProcessorCount,
            ["cores"] = PhysicalCores.Count,
            ["instructions"] = new JsonArray(
                [.. Instructions.Where(row => row.IsThere).Select(row => (JsonNode)row.Name)]),
            ["kernels"] = KernelLibrary.IsSupported
                ? $"Slipway's: int4 by {InstructionSets.Best(4)}, int8 by {InstructionSets.Best(8)}" : "ONNX Runtime's",
        };
    }

    private JsonObject? OnnxRuntime()
    {
        try
        {
            NativeRuntime.Require();
        }
        catch (NotSupportedException exception)
        {
            _missing.Add((exception.Message, "Install the tool again: 'dotnet tool update -g slipway.cli'."));
            return null;
        }

        RunsPackages = true;
        using var process = Process.GetCurrentProcess();
        return new JsonObject
        {
            ["version"] = OrtEnv.Instance().GetVersionString(),
            ["library"] = process.Modules.Cast<ProcessModule>().Select(module => module.FileName)
                .FirstOrDefault(file => Path.GetFileName(file) is "libonnxruntime.so" or "libonnxruntime.dylib"
                    or "onnxruntime.dll"),
            ["providers"] = new JsonArray([.. OrtEnv.Instance().GetAvailableProviders()
                .Select(provider => (JsonNode)provider)]),
        };
    }

    private JsonObject Torch()
    {
        var library = Libtorch.Find();
        if (library is null)
        {
            _missing.Add(Libtorch.Package is { } package
                ? ($"'{package}' {Libtorch.Version} is not downloaded yet; train, export --tune and the export of "
                    + "modules compute with it.",
                    "Nothing: the first such verb downloads it through NuGet.")
                : ("PyTorch's native library is not published for this system: no training, tuning, export of modules.",
                    "Do that on another machine; packages run here."));
        }

        return new JsonObject { ["version"] = Libtorch.Version, ["library"] = library };
    }

    private JsonObject Cuda()
    {
        var driver = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        var hasDriver = IsThere(driver);
        string[] absent = [.. CudaLibraries.Where(name => !IsThere(name))];
        if (hasDriver && absent.Length > 0)
        {
            _missing.Add((
                $"The NVIDIA driver is there, but not {string.Join(", ", absent)}.",
                "Install CUDA 13 and cuDNN 9, and see that the loader finds them; programs of your own then reference "
                + "'Slipway.Cuda' in place of 'Slipway.Cpu'."));
        }

        return new JsonObject
        {
            ["driver"] = hasDriver,
            ["libraries"] = new JsonArray([.. CudaLibraries.Except(absent).Select(name => (JsonNode)name)]),
        };
    }

    private JsonObject? Hub()
    {
        try
        {
            var settings = HubSettings.FromEnvironment(Environment.GetEnvironmentVariable);
            return new JsonObject
            {
                ["endpoint"] = settings.Endpoint.ToString(),
                ["folder"] = settings.CacheFolder,
                ["token"] = settings.Token is not null,
                ["offline"] = settings.Offline,
            };
        }
        catch (UsageException exception)
        {
            _missing.Add((exception.Message, "Set it to the address of a hub, or unset it."));
            return null;
        }
    }

    private static bool IsThere(string library)
    {
        if (!NativeLibrary.TryLoad(library, out var handle))
        {
            return false;
        }

        NativeLibrary.Free(handle);
        return true;
    }
}
