using Slipway.Export;
using Slipway.Kernels.Interop;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Hostile;

/// <summary>
/// Graphs of kernels with something changed end no process, and what they answer depends on nothing but them.
/// </summary>
/// <remarks>
/// Many of them: <c>dotnet run -c Release --project tests/Slipway.Kernels.Tests -- -explicit only -method
/// "*ManyMutations*" -showLiveOutput</c>
/// </remarks>
public sealed class GraphMutationTests(ITestOutputHelper output) : IDisposable
{
    private const int BatchSize = 40;
    private readonly TemporaryFolder _folder = new();

    // Products with norms, sums and gates; attention over each kind of cache, with windows, sinks and norms of heads.
    public static TheoryData<string, Precision, KeyValuePrecision> Packages { get; } = new()
    {
        { "llama", Precision.Int4, KeyValuePrecision.Float16 },
        { "llama", Precision.Int4, KeyValuePrecision.Int4 },
        { "qwen3", Precision.Int4, KeyValuePrecision.Int8 },
        { "qwen2", Precision.Int8, KeyValuePrecision.Float32 },
        { "gemma3", Precision.Int4, KeyValuePrecision.Float16 },
        { "gpt-oss", Precision.Float32, KeyValuePrecision.Float32 },
        { "phi3", Precision.Int4, KeyValuePrecision.Float32 },
        { "mistral-window", Precision.Int4, KeyValuePrecision.Int8 },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Packages))]
    public Task Load_AFewMutations_EndsNoProcess(string model, Precision precision, KeyValuePrecision cache)
        => MutateAsync(model, precision, cache, count: 12, seed: 1);

    [Theory(Explicit = true)]
    [MemberData(nameof(Packages))]
    public Task Load_ManyMutations_EndsNoProcess(string model, Precision precision, KeyValuePrecision cache)
        => MutateAsync(model, precision, cache, count: 400, seed: 2);

    private async Task MutateAsync(string model, Precision precision, KeyValuePrecision cache, int count, int seed)
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        var source = _folder["source"];
        KernelPackage.Export(model, source, precision, cache);
        var graph = OnnxFile.Read(Path.Combine(source, KernelPackage.GraphFile)).Graph;
        Assert.Contains(graph.Nodes, node => node.Domain == "slipway");
#pragma warning disable CA5394 // Chooses a change, no secret.
        var mutator = new GraphMutator(graph, new Random(seed));
#pragma warning restore CA5394
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        var faults = new List<string>();
        for (var done = 0; done < count; done += BatchSize)
        {
            var changes = Enumerable.Range(0, Math.Min(BatchSize, count - done)).Select(_ => mutator.Next()).ToList();
            await LoadAsync(source, changes, counts, faults);
        }

        output.WriteLine(
            $"{model} {precision} {cache}: {count} mutations, "
            + string.Join(", ", counts.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key}")));
        Assert.Empty(faults);
        Assert.True(counts.GetValueOrDefault("refused") > 0, "No mutation was refused.");
    }

    // Memory that is freed and taken again holds other bytes in the second run, so an answer that reads such is another
    // one.
    private async Task LoadAsync(
        string source, List<(Onnx.Graph Graph, string Change)> changes, Dictionary<string, int> counts,
            List<string> faults)
    {
        string[] packages = [.. changes.Select((_, index) => _folder[$"{index}"])];
        foreach (var (package, (graph, _)) in packages.Zip(changes))
        {
            KernelPackage.Copy(source, package);
            KernelPackage.Write(package, graph);
        }

        var first = await LoadAsync(packages, "85");
        string[] answering = [.. packages.Where((_, index)
            => first[index].StartsWith("answered", StringComparison.Ordinal))];
        var second = answering.Length == 0 ? [] : await LoadAsync(answering, "170");
        for (var (index, other) = (0, 0); index < packages.Length; index++)
        {
            var outcome = first[index];
            var kind = outcome.Split(' ')[0];
            if (kind == "died" || (kind == "answered" && second[other++] != outcome))
            {
                var again = kind == "died" ? "" : $", then {second[other - 1]}";
                faults.Add($"{changes[index].Change}: {outcome}{again}");
            }

            counts[kind] = counts.GetValueOrDefault(kind) + 1;
            Directory.Delete(packages[index], recursive: true);
        }
    }

    private static Task<IReadOnlyList<string>> LoadAsync(string[] packages, string freedByte)
        => ChildProcess.LoadAsync(packages, new Dictionary<string, string> { ["MALLOC_PERTURB_"] = freedByte });
}
