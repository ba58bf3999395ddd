using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>The forms in which a tokenizer is stored. The table is <see cref="All"/>.</summary>
internal static class TokenizerFormats
{
    /// <summary>The form that says all itself; a file with another name is taken for it.</summary>
    public static readonly TokenizerFormat Json =
        new(["tokenizer.json"], ".json", (path, _, _) => File.ReadAllBytes(path));

    // A folder is searched in this order; a file belongs to the row whose ending is the longest that fits.
    private static readonly TokenizerFormat[] All =
    [
        Json,
        new([TekkenFile.Name], TekkenFile.Name, (path, settings, _) => ToBytes(TekkenFile.ToJson(path, settings))),
        new(
            ["tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "tiktoken.model"], ".model",
            (path, settings, warnings) => File.ReadAllBytes(path) is var bytes && TiktokenFile.IsOne(bytes)
                ? ToBytes(TiktokenFile.ToJson(path, settings, warnings))
                : SentencePieceFile.ToJson(bytes, path, settings)),
        new(["*.tiktoken"], ".tiktoken", (path, settings, warnings) =>
            ToBytes(TiktokenFile.ToJson(path, settings, warnings))),
        new([VocabularyAndMerges.MergesName], VocabularyAndMerges.MergesName, (path, settings, warnings) =>
            ToBytes(VocabularyAndMerges.ToJson(Folder(path), settings, warnings)))
        {
            Beside = VocabularyAndMerges.VocabularyName,
        },
        new(["vocab.txt"], ".txt", (path, settings, _) => ToBytes(WordPieceVocabulary.ToJson(path, settings))),
    ];

    /// <summary>The names by which a folder's tokenizer is found, as messages list them.</summary>
    public static string Names { get; } = string.Join(
        ", ", All.SelectMany(format => format.Names).Select(name => $"'{name}'"));

    /// <summary>The tokenizer's file at a path, a folder or a file, and its format; null where none is there.</summary>
    public static (string File, TokenizerFormat Format)? Find(string path)
    {
        if (Directory.Exists(path))
        {
            var row = Array.Find(All, format => format.FindIn(path) is not null);
            return row is null ? null : (row.FindIn(path)!, row);
        }

        if (!File.Exists(path))
        {
            return null;
        }

        // Either of the two files names both.
        var file = Path.GetFileName(path) == VocabularyAndMerges.VocabularyName
            && Path.Combine(Folder(path), VocabularyAndMerges.MergesName) is var merges && File.Exists(merges)
                ? merges : path;
        return All.Where(format => format.Fits(file)).MaxBy(format => format.Ending.Length) is { } fitting
            ? (file, fitting) : null;
    }

    public static string Folder(string file) => Path.GetDirectoryName(Path.GetFullPath(file))!;

    private static byte[] ToBytes(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());
}

/// <summary>One form in which a tokenizer is stored.</summary>
/// <param name="Names">The names of its file in a folder; one may begin with <c>*</c>.</param>
/// <param name="Ending">The ending of a file that is named itself.</param>
/// <param name="Read">
/// Rewrites the file as a <c>tokenizer.json</c>; takes the settings beside it, and a list for what was presumed.
/// </param>
internal sealed record TokenizerFormat(
    string[] Names, string Ending, Func<string, TokenizerSettings, List<string>, byte[]> Read)
{
    /// <summary>The name of a second file that the form needs in the same folder.</summary>
    public string? Beside { get; init; }

    public string? FindIn(string folder) => Names
        .SelectMany(name => Directory.EnumerateFiles(folder, name).Order(StringComparer.Ordinal))
        .FirstOrDefault(HasAll);

    public bool Fits(string file) => file.EndsWith(Ending, StringComparison.Ordinal) && HasAll(file);

    private bool HasAll(string file) =>
        Beside is null || File.Exists(Path.Combine(TokenizerFormats.Folder(file), Beside));
}
