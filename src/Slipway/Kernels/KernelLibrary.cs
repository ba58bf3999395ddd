using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;

namespace Slipway.Kernels;

/// <summary>The operators that this library computes itself, beside ONNX Runtime's own.</summary>
internal static unsafe class KernelLibrary
{
    /// <summary>The domain of the operators in graphs.</summary>
    public const string Domain = "slipway";

    private static readonly CustomOperator[] Operators = [MatMulKernel.Operator, MatMulKernel.GatedOperator];

    private static readonly Lazy<nint> Registered = new(CreateDomain);

    /// <summary>Whether this processor has the instructions that the kernels are written in.</summary>
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    /// <summary>Lets a session read graphs that have these operators.</summary>
    public static void Register(SessionOptions options)
        => RuntimeApi.AddDomain(options.DangerousGetHandle(), Registered.Value);

    // Sessions keep its address, so it stays for as long as the process.
    private static nint CreateDomain()
    {
        var domain = RuntimeApi.CreateCustomOpDomain(Domain);
        foreach (var description in Operators)
        {
            RuntimeApi.AddToDomain(domain, NativeOperator.Create(description));
        }

        return domain;
    }
}
