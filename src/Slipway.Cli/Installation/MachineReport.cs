using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text.Json.Nodes;
using Microsoft.ML.OnnxRuntime;
using Slipway.Cli.Hub;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Engine.Execution.Providers;
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
                "This library's own kernels for int4 and int8 run on processors with AVX2 and FMA, or arm64.",
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
        return new JsonObject
        {
            ["version"] = OrtEnv.Instance().GetVersionString(),
            ["library"] = ProviderMachine.RuntimeFile,
            ["providers"] = new JsonArray([.. OrtEnv.Instance().GetAvailableProviders()
                .Select(provider => (JsonNode)provider)]),
            ["devices"] = new JsonArray([.. ExecutionProviders.All.SelectMany(Devices)]),
        };
    }

    // What '--execution-provider' takes here, each with its device.
    private static IEnumerable<JsonNode> Devices(ExecutionProvider provider)
    {
        var choice = ProviderChoice.Cpu with { Provider = provider };
        return ProviderChecks.WhyNot(choice, ProviderMachine.Instance) is not null ? []
            : provider.IsProcessor ? [choice.ToString()]
            : ProviderMachine.Instance.Devices(provider).Select(
                (device, place) => (JsonNode)$"{choice with { Device = place }} ({device})");
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
        var (cuda, machine) = (ExecutionProviders.Cuda, ProviderMachine.Instance);
        var hasDriver = machine.HasLibrary(cuda.Driver!.Value.Library);
        string[] libraries = [.. cuda.Libraries, .. cuda.Optional.Libraries];
        string[] absent = [.. libraries.Where(name => !machine.HasLibrary(name))];
        if (hasDriver && absent.Length > 0)
        {
            _missing.Add((
                $"The NVIDIA driver is there, but not {string.Join(", ", absent)}.",
                $"{cuda.Remedy} Programs of your own then reference '{cuda.PackageName}' in place of 'Slipway.Cpu'."));
        }

        return new JsonObject
        {
            ["driver"] = hasDriver,
            ["libraries"] = new JsonArray([.. libraries.Except(absent).Select(name => (JsonNode)name)]),
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
}
