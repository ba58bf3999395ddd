using System.Globalization;
using System.Text.RegularExpressions;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// One model's metadata and tensors, in one file or split over 'NAME-00001-of-00003.gguf' and so on.
internal sealed partial class GgufFile : IDisposable
{
    private const int MaxParts = 1000;
    private readonly List<CheckpointFile> _files;

    private GgufFile(List<CheckpointFile> files, GgufMetadata metadata, IEnumerable<GgufTensor> tensors)
    {
        _files = files;
        Metadata = metadata;
        Tensors = new OrderedDictionary<string, GgufTensor>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!Tensors.TryAdd(tensor.Name, tensor))
            {
                throw new CheckpointException(
                    $"Tensor '{tensor.Name}' lies in '{Tensors[tensor.Name].File.Path}' and in '{tensor.File.Path}'. " +
                    "Download the parts again.", tensor.File.Path, tensor.Name);
            }
        }
    }

    public string Path => Metadata.Path;

    public GgufMetadata Metadata { get; }

    public OrderedDictionary<string, GgufTensor> Tensors { get; }

    public static GgufFile Open(string path)
    {
        var files = new List<CheckpointFile> { CheckpointFile.Open(path) };
        try
        {
            var first = GgufHeader.Read(files[0]);
            var tensors = new List<GgufTensor>(first.Tensors);
            foreach (var part in OtherParts(path, first.Metadata))
            {
                files.Add(CheckpointFile.Open(part));
                tensors.AddRange(GgufHeader.Read(files[^1]).Tensors);
            }

            return new GgufFile(files, first.Metadata, tensors);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static IEnumerable<string> OtherParts(string path, GgufMetadata metadata)
    {
        var count = metadata.Integer("split.count") ?? 1;
        if (count <= 1)
        {
            yield break;
        }

        var name = System.IO.Path.GetFileName(path);
        var match = PartName().Match(name);
        if (!match.Success || match.Groups[1].Value != "00001" || count > MaxParts ||
            match.Groups[2].Value != count.ToString("D5", CultureInfo.InvariantCulture))
        {
            throw new CheckpointException(
                $"The GGUF file '{path}' is one of {count} parts. Open the first, whose name ends in " +
                $"'-00001-of-{count:D5}.gguf', with the others beside it.", path);
        }

        for (var part = 2; part <= count; part++)
        {
            var other = $"{name[..match.Index]}-{part:D5}-of-{count:D5}.gguf";
            yield return System.IO.Path.Combine(CheckpointFolder.Of(path), other);
        }
    }

    [GeneratedRegex(@"-(\d{5})-of-(\d{5})\.gguf$", RegexOptions.CultureInvariant)]
    private static partial Regex PartName();
}
