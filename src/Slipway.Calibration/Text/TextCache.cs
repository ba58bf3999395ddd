using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Packaging;

namespace Slipway.Calibration.Text;

/// <summary>Keeps sampled texts in a file for the next calibration of the same weights.</summary>
/// <remarks>
/// The file is <c>.calibration-HASH.json</c>, beside the model or in the user's cache; the hash is of the weights and
/// of all that decides what is sampled. It holds <c>{"texts": [[id, …], …]}</c>.
/// </remarks>
internal sealed class TextCache
{
    // Counts when texts are sampled in another way.
    private const int Version = 1;

    private readonly string[] _places;
    private readonly CalibrationOptions _options;
    private readonly int _vocabularySize;

    private TextCache(string[] places, CalibrationOptions options, int vocabularySize) =>
        (_places, _options, _vocabularySize) = (places, options, vocabularySize);

    /// <summary>Finds the places where the texts of a model are kept.</summary>
    public static TextCache Open(ModelPackage package, string source, CalibrationOptions options)
    {
        var file = $".calibration-{Hash(package, options)}.json";
        string[] folders = options.CacheFolder is { } own ? [own] : [Beside(source), UserCache()];
        return new TextCache(
            [.. folders.Select(folder => Path.Combine(folder, file))], options, package.Config.Model.VocabSize);
    }

    /// <summary>Reads the texts; null where there are none that fit.</summary>
    public IReadOnlyList<int[]>? TryRead()
    {
        foreach (var place in _places.Where(File.Exists))
        {
            try
            {
                var texts = JsonNode.Parse(File.ReadAllBytes(place))?["texts"]?.AsArray()
                    .Select(text => text!.AsArray().Select(id => id!.GetValue<int>()).ToArray()).ToArray();
                if (texts?.Length == _options.Texts && texts.All(text => text.Length == _options.TokensPerText
                    && text.All(id => id >= 0 && id < _vocabularySize)))
                {
                    return texts;
                }
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException
                or FormatException or IOException or UnauthorizedAccessException or NullReferenceException)
            {
                // A damaged file is as good as none: it is written anew.
            }
        }

        return null;
    }

    /// <summary>Keeps texts in the first place that can be written; nowhere where none can.</summary>
    public void Write(IReadOnlyList<int[]> texts)
    {
        foreach (var place in _places.Where(place => !IsReadOnly(Path.GetDirectoryName(place)!)))
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(place)!);
                var part = $"{place}.{Path.GetRandomFileName()}";
                using (var stream = File.Create(part))
                using (Utf8JsonWriter writer = new(stream))
                {
                    writer.WriteStartObject();
                    writer.WriteStartArray("texts");
                    foreach (var text in texts)
                    {
                        writer.WriteStartArray();
                        foreach (var id in text)
                        {
                            writer.WriteNumberValue(id);
                        }

                        writer.WriteEndArray();
                    }

                    writer.WriteEndArray();
                    writer.WriteEndObject();
                }

                File.Move(part, place, overwrite: true);
                return;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // The next place.
            }
        }
    }

    // A folder that its owner has closed stays as it is, also where the program might write all the same, as root may.
    private static bool IsReadOnly(string folder) => Directory.Exists(folder)
        && (OperatingSystem.IsWindows()
            ? (File.GetAttributes(folder) & FileAttributes.ReadOnly) != 0
            : (File.GetUnixFileMode(folder)
                & (UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) == 0);

    private static string Beside(string source) =>
        Directory.Exists(source) ? source : Path.GetDirectoryName(Path.GetFullPath(source))!;

    private static string UserCache() => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } folder
            ? folder : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData),
        "slipway", "calibration");

    private static string Hash(ModelPackage package, CalibrationOptions options)
    {
        const int Letters = 16;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"{Version} {options.Texts} {options.TokensPerText} {options.Seed} {package.Config.Model.BosTokenId}")));
        var buffer = new byte[1 << 20];
        foreach (var name in package.ListFiles().Keys.Where(name => Path.GetExtension(name) is ".onnx" or ".data"))
        {
            using var stream = File.OpenRead(Path.Combine(package.Path, name));
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                hash.AppendData(buffer, 0, read);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..Letters];
    }
}
