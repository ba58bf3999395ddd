using System.Runtime.Intrinsics.X86;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.Tests.MatMul;

public sealed class InstructionSetsTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Parse_Nothing_AsksForNone(string? value) => Assert.Null(InstructionSets.Parse(value));

    [Fact]
    public void Parse_AnySupported_IsFoundInAnyCase() => Assert.All(
        InstructionSets.Supported,
        set => Assert.Equal(set, InstructionSets.Parse(set.ToString().ToUpperInvariant())));

    [Theory]
    [InlineData("avx1024")]
    [InlineData("2")]
    public void Parse_UnknownName_IsRefused(string value)
    {
        var error = Assert.Throws<NotSupportedException>(() => InstructionSets.Parse(value));
        Assert.StartsWith(
            $"The environment variable SLIPWAY_KERNELS is '{value}', which this processor cannot run or is no name of "
            + "instructions. Set it to one of 'Vector128'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OfAnotherProcessor_IsRefused()
    {
        var other = X86Base.IsSupported ? InstructionSet.DotProduct : InstructionSet.Avx2;
        Assert.Contains(
            $"is '{other}', which this processor cannot run",
            Assert.Throws<NotSupportedException>(() => InstructionSets.Parse($"{other}")).Message,
            StringComparison.Ordinal);
    }
}
