using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Perplexity;

/// <summary>Measures a text's windows one after the other, and goes on with a run that was ended.</summary>
/// <param name="ids">The text's tokens, without any that begin a sequence.</param>
/// <param name="prefix">Tokens that begin each window.</param>
/// <param name="options">Checked options.</param>
/// <exception cref="ArgumentException">There are too few tokens.</exception>
internal sealed class WindowRun(IReadOnlyList<int> ids, IReadOnlyList<int> prefix, PerplexityOptions options)
{
    private readonly IReadOnlyList<TextWindow> _windows = TextWindows.Cut(ids, prefix, options);

    /// <summary>The number of windows.</summary>
    public int Count => _windows.Count;

    /// <summary>Measures what is not in the file of results yet.</summary>
    /// <param name="describe">Tells what is measured; asked only where there is a file.</param>
    /// <param name="measure">Measures a window, given its place.</param>
    /// <param name="report">Told after each window, with all that are done.</param>
    /// <param name="cancellationToken">Stops the run; what was measured stays in the file.</param>
    /// <exception cref="InvalidDataException">The file belongs to another run.</exception>
    public async Task<IReadOnlyList<T>> MeasureAsync<T>(
        Func<JsonObject> describe, Func<int, TextWindow, Task<T>> measure, Action<IReadOnlyList<T>> report,
        CancellationToken cancellationToken)
        where T : class, IResult<T>
    {
        using var results = ResultsFile<T>.Open(
            options.ResultsPath, options.ResultsPath is null ? [] : Describe(describe()), Count);
        var known = results.Known(Count);
        List<T> measured = [];
        foreach (var (index, window) in _windows.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (known[index] is not { } result)
            {
                result = await measure(index, window).ConfigureAwait(false);
                results.Add(result);
            }

            measured.Add(result);
            report(measured);
        }

        return measured;
    }

    private JsonObject Describe(JsonObject description)
    {
        description["text_sha256"] = Hash(ids);
        description["prefix_sha256"] = Hash(prefix);
        description["window"] = options.Window;
        description["windows"] = options.Windows;
        description["stride"] = options.Stride;
        return description;
    }

    private static string Hash(IReadOnlyList<int> tokens)
        => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<int>(tokens.ToArray())));
}
