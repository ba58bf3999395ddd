using System.Reflection;
using Slipway.Tracing.Interception;
using Slipway.Tracing.Lowering;
using Slipway.Tracing.Operations;
using TorchSharp;

namespace Slipway.Tracing.Tests.Operations;

/// <summary>Walks TorchSharp's members, so that a new release shows what it added.</summary>
public sealed class TorchMembersTests
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.Static | BindingFlags.DeclaredOnly;

    // Classes that no 'forward' of an exported module computes with, with the reason.
    private static readonly Dictionary<string, string> Apart = new(StringComparer.Ordinal)
    {
        ["ScriptModule"] = "compiled by torch: nothing of it is managed",
        ["CompilationUnit"] = "compiled by torch: nothing of it is managed",
        ["ExportedProgram"] = "compiled by torch: nothing of it is managed",
        ["jit"] = "compiled by torch: nothing of it is managed",
        ["TensorType"] = "compiled by torch: nothing of it is managed",
        ["init"] = "sets weights: training",
        ["utils"] = "clips and counts gradients: training",
        ["autograd"] = "gradients: training",
        ["Node"] = "gradients: training",
        ["SavedVariable"] = "gradients: training",
        ["Optimizer"] = "training",
        ["optim"] = "training",
        ["Generator"] = "the state of random numbers",
        ["Module"] = "lists parameters and buffers",
        ["fft"] = "complex numbers",
        ["ComplexFloat32Tensor"] = "complex numbers",
        ["ComplexFloat64Tensor"] = "complex numbers",
        ["PackedSequence"] = "lengths that depend on data",
        ["rnn"] = "lengths that depend on data",
        ["DataIteratorEnumerator"] = "reads data sets",
        ["DataIterator"] = "reads data sets",
        ["Loader"] = "reads data sets",
        ["Storage"] = "reads memory",
        ["TensorAccessor"] = "reads memory",
        ["NativeTensorOrScalarIndexedArray"] = "compiled by torch: nothing of it is managed",
    };

    [Fact]
    public void EveryMember_ThatTakesOrGivesTensors_IsSupportedSteppedIntoOrRefused()
    {
        OperationTable table = new(OperationFamilies.All, new Dictionary<MethodBase, Operation>());
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        SortedSet<string> unknown = new(StringComparer.Ordinal);
        foreach (var method in typeof(torch).Assembly.GetTypes().SelectMany(type => type.GetMethods(All)))
        {
            if (!method.IsAbstract && method.Name != nameof(IDisposable.Dispose) && TorchMembers.TouchesTensors(method))
            {
                var kind = Kind(table, method);
                counts[kind] = counts.GetValueOrDefault(kind) + 1;
                if (kind == "unknown")
                {
                    unknown.Add(OperationTable.NameOf(method));
                }
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            string.Join(", ", counts.OrderBy(count => count.Key).Select(count => $"{count.Key} {count.Value}")));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join("\n", unknown));
        Assert.Empty(unknown);
        Assert.True(counts["supported"] > 300);
    }

    [Fact]
    public void EveryRow_OfTheTable_NamesAMemberOfTorchSharp()
    {
        var names = typeof(torch).Assembly.GetTypes().SelectMany(type => type.GetMethods(All))
            .Select(OperationTable.NameOf).ToHashSet(StringComparer.Ordinal);
        Assert.All(OperationFamilies.All, row => Assert.Contains(row.Name, names));
    }

    private static string Kind(OperationTable table, MethodInfo method)
    {
        var row = table.Find(method);
        return row is { Refusal: not null } ? "refused"
            : row is not null || LoweredMethods.Find(method) is not null ? "supported"
            : Apart.ContainsKey(TypeName(method)) || TypeName(method).EndsWith("Loss", StringComparison.Ordinal)
                ? "apart"
            : TorchMembers.CallsNative(method) ? "unknown" : "stepped into";
    }

    private static string TypeName(MethodInfo method) => OperationTable.NameOf(method).Split('.')[0];
}
