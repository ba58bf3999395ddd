using System.Collections.Concurrent;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;

namespace Slipway.Kernels;

/// <summary>The operators that this library computes itself, beside ONNX Runtime's own.</summary>
/// <remarks>
/// Sessions with as many threads share them. They stay for as long as the process, as ONNX Runtime keeps their addresses.
/// </remarks>
internal static unsafe class KernelLibrary
{
    private const string Domain = "slipway";

    private static readonly Func<KernelThreads, CustomOperator>[] Operators =
        [MatMulKernel.Operator, MatMulKernel.GatedOperator, AttentionKernel.Operator, AttentionKernel.CodedOperator];

    private static readonly ConcurrentDictionary<(int Threads, bool Spins), Lazy<nint>> Domains = new();

    private static readonly Lock First = new();
    private static volatile bool isKnown;

    /// <summary>Whether this processor has the instructions that the kernels are written in.</summary>
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    /// <summary>Opens a session over a graph that has these operators.</summary>
    /// <param name="path">The graph's file.</param>
    /// <param name="options">The session's options.</param>
    /// <param name="threads">Threads that compute, the session's own included.</param>
    /// <param name="spins">Whether idle threads wait actively for a while.</param>
    /// <exception cref="OnnxRuntimeException">The graph cannot be read.</exception>
    public static InferenceSession Open(string path, SessionOptions options, int threads, bool spins)
    {
        RuntimeApi.AddDomain(
            options.DangerousGetHandle(),
            Domains.GetOrAdd((threads, spins), key => new Lazy<nint>(() => CreateDomain(key.Threads, key.Spins))).Value);
        if (isKnown)
        {
            return new InferenceSession(path, options);
        }

        // ONNX Runtime notes a domain's name when it first meets it, and fails where two sessions do so at once.
        lock (First)
        {
            var session = new InferenceSession(path, options);
            isKnown = true;
            return session;
        }
    }

    private static nint CreateDomain(int threads, bool spins)
    {
        var domain = RuntimeApi.CreateCustomOpDomain(Domain);
        var shared = new KernelThreads(threads, spins);
        foreach (var describe in Operators)
        {
            RuntimeApi.AddToDomain(domain, NativeOperator.Create(describe(shared)));
        }

        return domain;
    }
}
