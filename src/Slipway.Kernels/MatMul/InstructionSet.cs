using Slipway.Kernels.Arm;
using Slipway.Kernels.X86;

namespace Slipway.Kernels.MatMul;

/// <summary>The instructions that products are written in, all to the same bits.</summary>
internal enum InstructionSet
{
    Vector128,
    DotProduct,
    Avx2,
    AvxVnni,
    Avx512,
    Avx512Vnni,
}

/// <summary>Tells which instructions this processor has.</summary>
internal static class InstructionSets
{
    /// <summary>Those that it has, the portable ones first.</summary>
    public static IReadOnlyList<InstructionSet> Supported { get; } =
        [.. Enum.GetValues<InstructionSet>().Where(IsSupported)];

    /// <summary>Names the environment variable that says which instructions to use, for tests.</summary>
    public const string Variable = "SLIPWAY_KERNELS";

    /// <summary>Reads what <see cref="Variable"/> asks for: an <see cref="InstructionSet"/>, in any case.</summary>
    /// <param name="value">Its value; null or empty for none.</param>
    /// <exception cref="NotSupportedException">The processor has no such instructions.</exception>
    public static InstructionSet? Parse(string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            return null;
        }

        foreach (var set in Supported)
        {
            if (set.ToString().Equals(value, StringComparison.OrdinalIgnoreCase))
            {
                return set;
            }
        }

        throw new NotSupportedException(
            $"The environment variable {Variable} is '{value}', which this processor cannot run or is no name of "
            + $"instructions. Set it to one of {string.Join(", ", Supported.Select(set => $"'{set}'"))}, or leave it "
            + "out.");
    }

    /// <summary>The fastest for values of so many bits, or those that <see cref="Variable"/> names.</summary>
    /// <exception cref="NotSupportedException">The processor has no such instructions.</exception>
    /// <remarks>
    /// Four bits take as many instructions of AVX-VNNI as of AVX-512 without VNNI; eight bits take half as many.
    /// </remarks>
    public static InstructionSet Best(int bits)
    {
        if (Parse(Environment.GetEnvironmentVariable(Variable)) is { } asked)
        {
            return asked;
        }

        InstructionSet[] vnni = bits == 8
            ? [InstructionSet.AvxVnni, InstructionSet.Avx512] : [InstructionSet.Avx512, InstructionSet.AvxVnni];
        return vnni.Prepend(InstructionSet.Avx512Vnni).Concat([InstructionSet.Avx2, InstructionSet.DotProduct])
            .FirstOrDefault(IsSupported);
    }

    private static bool IsSupported(InstructionSet set) => set switch
    {
        InstructionSet.DotProduct => DotProduct.IsSupported,
        InstructionSet.Avx2 => MatMulAvx2.IsSupported,
        InstructionSet.AvxVnni => MatMulAvxVnni.IsSupported,
        InstructionSet.Avx512 => MatMulAvx512.IsSupported,
        InstructionSet.Avx512Vnni => MatMulAvx512Vnni.IsSupported,
        _ => true,
    };
}
