using System.Globalization;
using Microsoft.ML.OnnxRuntime;

namespace Slipway.Engine.Execution.Providers;

/// <summary>Lists the execution providers, in the order in which <c>auto</c> tries them.</summary>
internal static class ExecutionProviders
{
    /// <summary>The name that stands for the first provider of the table that can run a model.</summary>
    public const string Auto = "auto";

    /// <summary>GPUs of NVIDIA. Source: ONNX Runtime's page on the CUDA execution provider.</summary>
    public static ExecutionProvider Cuda { get; } = new()
    {
        Name = "cuda",
        RuntimeName = "CUDAExecutionProvider",
        GenAIName = "cuda",
        PackageName = "Slipway.Cuda",
        File = OperatingSystem.IsWindows() ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so",
        Driver = ("the NVIDIA driver", OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1"),
        Libraries = OperatingSystem.IsWindows()
            ? ["cudart64_13.dll", "cublas64_13.dll", "cublasLt64_13.dll", "curand64_10.dll"]
            : ["libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcurand.so.10"],
        HasAddresses = true,
        Optional = ("convolutions", [OperatingSystem.IsWindows() ? "cudnn64_9.dll" : "libcudnn.so.9"]),
        Remedy = "Install CUDA 13 and cuDNN 9, and see that the loader finds them.",
        Append = static (session, device, options) =>
        {
            using var cuda = new OrtCUDAProviderOptions();
            cuda.UpdateOptions(new Dictionary<string, string>(options) { ["device_id"] = Text(device) });
            session.AppendExecutionProvider_CUDA(cuda);
        },
    };

    /// <summary>GPUs on Windows. Source: ONNX Runtime's page on the DirectML execution provider.</summary>
    public static ExecutionProvider DirectML { get; } = new()
    {
        Name = "directml",
        RuntimeName = "DmlExecutionProvider",
        GenAIName = "dml",
        PackageName = "Slipway.DirectML",
        Append = static (session, device, options) =>
        {
            // It asks for both.
            session.EnableMemoryPattern = false;
            session.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
            session.AppendExecutionProvider(
                "DML", new Dictionary<string, string>(options) { ["device_id"] = Text(device) });
        },
    };

    /// <summary>The processor, which runs every graph.</summary>
    public static ExecutionProvider Cpu { get; } = new()
    {
        Name = "cpu",
        RuntimeName = "CPUExecutionProvider",
        GenAIName = "cpu",
        PackageName = "Slipway.Cpu",
    };

    public static IReadOnlyList<ExecutionProvider> All { get; } = [Cuda, DirectML, Cpu];

    /// <summary>The names that options may have, in words.</summary>
    public static string Names { get; } =
        $"'{Auto}', {string.Join(", ", All.SkipLast(1).Select(row => $"'{row.Name}'"))} and '{All[^1].Name}'";

    /// <summary>Finds a provider by its name; null where there is none.</summary>
    public static ExecutionProvider? Find(string? name)
        => All.FirstOrDefault(row => row.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static string Text(int device) => device.ToString(CultureInfo.InvariantCulture);
}
