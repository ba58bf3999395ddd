using Slipway.Kernels.Interop;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Hostile;

/// <summary>Packages that ended the process of version 0.1.0, each in a process of its own.</summary>
public sealed class HostilePackageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Packages { get; } = new()
    {
        {
            "kernels-load-overread",
            "has the shape [64, 2, 16]; its attributes and other inputs ask for [64000, 2, 16]. Export the package "
            + "again."
        },
        { "kernels-thread-unhandled", "'do_rotary' is 1 and inputs 6 and 7 are not both there" },
    };

    public void Dispose() => _folder.Dispose();

    /// <summary>As they are, their operators are of another version, and the decoder's own graph answers.</summary>
    [Theory]
    [MemberData(nameof(Packages))]
    public async Task Load_AsItIs_Answers(string name, string _)
    {
        var outcome = Assert.Single(await ChildProcess.LoadAsync([SharedAssets.Path("hostile", name)]));
        Assert.StartsWith("answered ", outcome, StringComparison.Ordinal);
    }

    /// <summary>The same graphs in the operators of now are refused, and the node and the tensor are named.</summary>
    [Theory]
    [MemberData(nameof(Packages))]
    public async Task Load_InOperatorsOfThisVersion_IsRefused(string name, string expected)
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        var source = SharedAssets.Path("hostile", name);
        KernelPackage.Copy(source, _folder["package"]);
        KernelPackage.Write(
            _folder["package"], KernelPackage.Change(
                OnnxFile.Read(Path.Combine(source, KernelPackage.GraphFile)).Graph,
                node => node is { Domain: "slipway", OpType: "MatMulNBits" }
                    ? node with { OpType = "FusedMatMulNBits" } : node));

        var outcome = Assert.Single(await ChildProcess.LoadAsync([_folder["package"]]));

        Assert.StartsWith("refused ", outcome, StringComparison.Ordinal);
        Assert.Contains(expected, outcome, StringComparison.Ordinal);
    }
}
