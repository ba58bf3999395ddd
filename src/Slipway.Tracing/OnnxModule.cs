using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Slipway.Tracing.Graphs;
using TorchSharp;

namespace Slipway.Tracing;

/// <summary>Exports live TorchSharp modules to ONNX.</summary>
/// <remarks>
/// The module's own <c>forward</c> runs, traced, at several sizes of its inputs; what it computes becomes a graph, and
/// the graph is compared with the module in ONNX Runtime before the call returns. The module is given back as it was.
/// </remarks>
public static class OnnxModule
{
    internal const string BatchName = "batch";

    /// <summary>Exports a module.</summary>
    /// <param name="module">The module; it is traced as in <c>eval()</c>, and stays the caller's.</param>
    /// <param name="inputs">
    /// An example of what <c>forward</c> takes, in order: tensors, tuples, lists and dictionaries of tensors, and other
    /// arguments, which the graph keeps as they are.
    /// </param>
    /// <param name="path">The graph file; a file of that name is replaced once the export has succeeded.</param>
    /// <param name="options">The names, the axes that vary, and limits.</param>
    /// <returns>What was written, and how far the graph is from the module.</returns>
    /// <exception cref="UntraceableModuleException">The module does what no graph can express.</exception>
    /// <exception cref="ModuleMismatchException">The graph differs from the module.</exception>
    /// <exception cref="ArgumentException">The example, the names or the axes do not fit the module.</exception>
    /// <exception cref="PlatformNotSupportedException">The program was compiled ahead of time.</exception>
    /// <exception cref="IOException">The files cannot be written.</exception>
    [RequiresDynamicCode("Tracing writes methods at run time.")]
    [RequiresUnreferencedCode("Tracing reads the code of the module's methods.")]
    public static OnnxModuleExport Export(
        torch.nn.Module module, IReadOnlyList<object?> inputs, string path, OnnxModuleOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new OnnxModuleOptions();
        if (options.Opset is < 17 or > 23)
        {
            throw new ArgumentException(
                $"'Opset' is {options.Opset}; graphs are written in 17 to 23.", nameof(options));
        }

        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            throw new PlatformNotSupportedException(
                "Tracing writes methods at run time, which a program compiled ahead of time cannot. Export from one "
                + "that runs on the .NET runtime.");
        }

        return new ModuleExporter(module, inputs, options).Export(path);
    }
}
