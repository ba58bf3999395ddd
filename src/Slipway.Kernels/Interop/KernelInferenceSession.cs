using Microsoft.ML.OnnxRuntime;

namespace Slipway.Kernels.Interop;

/// <summary>A session over a graph with this library's operators, which it frees after itself.</summary>
internal sealed class KernelInferenceSession : InferenceSession
{
    private readonly KernelDomain? _domain;

    /// <param name="path">The graph's file.</param>
    /// <param name="options">Options that <paramref name="domain"/> was added to.</param>
    /// <param name="domain">The operators; they stay the caller's where this throws.</param>
    public KernelInferenceSession(string path, SessionOptions options, KernelDomain domain)
        : base(path, options) => _domain = domain;

    /// <summary>The inputs of the graph whose slots attention kernels can leave alone.</summary>
    public IReadOnlySet<string> CacheInputs => _domain!.CacheInputs;

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _domain?.Dispose();
    }
}
