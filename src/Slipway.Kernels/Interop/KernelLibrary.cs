using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;
using Slipway.Kernels.Attention;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.Interop;

/// <summary>
/// Opens sessions over graphs with the operators that this library computes itself, beside ONNX Runtime's own.
/// </summary>
internal static class KernelLibrary
{
    private static readonly CustomOperator[] _operators =
        [
            MatMulKernel.Operator, MatMulKernel.GatedOperator, AttentionKernel.Operator,
            AttentionKernel.Float16Operator, AttentionKernel.Int8Operator, AttentionKernel.Int4Operator,
        ];

    private static readonly Lock _first = new();
    private static volatile bool _isKnown;

    /// <summary>Tells whether this processor has the instructions that the kernels are written in.</summary>
    public static bool IsSupported => (Avx2.IsSupported && Fma.IsSupported) || AdvSimd.Arm64.IsSupported;

    /// <summary>Opens a session over a graph that has these operators.</summary>
    /// <param name="path">The graph's file.</param>
    /// <param name="options">The session's options.</param>
    /// <param name="threads">Threads that compute, the session's own included; sessions with as many share
    /// them.</param>
    /// <param name="spins">True if idle threads wait actively for a while.</param>
    /// <exception cref="NotSupportedException"><see cref="InstructionSets.Variable"/> names instructions that the
    /// processor does not have.</exception>
    /// <exception cref="OnnxRuntimeException">The graph cannot be read, or a kernel refuses its node.</exception>
    public static KernelInferenceSession Open(string path, SessionOptions options, int threads, bool spins)
    {
        // Refuses instructions that the environment asks for in vain here, where it is told in a sentence.
        _ = InstructionSets.Best(bits: 4);
        var domain = new KernelDomain(_operators, threads, spins);
        try
        {
            domain.AddTo(options.DangerousGetHandle());
            var session = Open(path, options, domain);
            domain.ReleaseRest();
            return session;
        }
        catch
        {
            domain.Dispose();
            throw;
        }
    }

    private static KernelInferenceSession Open(string path, SessionOptions options, KernelDomain domain)
    {
        if (_isKnown)
        {
            return new KernelInferenceSession(path, options, domain);
        }

        // ONNX Runtime notes a domain's name when it first meets it, and fails where two sessions do so at once.
        lock (_first)
        {
            var session = new KernelInferenceSession(path, options, domain);
            _isKnown = true;
            return session;
        }
    }
}
