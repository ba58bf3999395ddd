using Slipway.Checkpoints.Files;
using Slipway.Checkpoints.Gguf;
using Slipway.Checkpoints.PyTorch;
using Slipway.Checkpoints.Quantized;
using Slipway.Checkpoints.Safetensors;
using Slipway.Checkpoints.TorchSharp;

namespace Slipway.Checkpoints;

/// <summary>Lists the formats that <see cref="Checkpoint.Open"/> reads, one row a format.</summary>
public static class CheckpointFormats
{
    private const int HeadBytes = 4096;

    /// <summary>Gets the formats, in the order in which they are tried.</summary>
    public static IReadOnlyList<CheckpointFormat> All { get; } =
    [
        new SafetensorsFormat(),
        new SafetensorsIndexFormat(),
        new GgufFormat(),
        new PyTorchFormat(),
        new PyTorchIndexFormat(),
        new TorchSharpFormat(),
    ];

    /// <summary>Gets the methods whose quantized weights are read, as <c>quant_method</c> names them.</summary>
    public static IReadOnlyList<string> QuantizationMethods => QuantizationFormats.Names;

    internal static Checkpoint Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Directory.Exists(path) ? OpenFolder(path) : OpenFile(path, path);
    }

    private static Checkpoint OpenFolder(string folder)
    {
        var customary = All.SelectMany(format => format.FolderFiles).Select(name => Path.Combine(folder, name));
        var checkpoint = OpenFile(customary.FirstOrDefault(CheckpointFile.IsThere) ?? FindOnlyFile(folder), folder);
        try
        {
            _ = checkpoint.Config;
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private static string FindOnlyFile(string folder)
    {
        var claimed = Directory.GetFiles(folder)
            .Where(file => All.Any(format => format.Claims(Path.GetFileName(file))))
            .Order(StringComparer.Ordinal)
            .ToArray();
        return claimed.Length switch
        {
            1 => claimed[0],
            0 => throw new CheckpointException(
                $"The folder '{folder}' holds no checkpoint. Expected one of " +
                $"{string.Join(", ", All.SelectMany(format => format.FolderFiles).Select(name => $"'{name}'"))} or a " +
                $"single weight file ({string.Join(", ", All.Select(format => format.Name).Distinct())}).", folder),
            _ => throw new CheckpointException(
                $"The folder '{folder}' holds several weight files: "
                + $"{string.Join(", ", claimed.Take(8).Select(file => $"'{Path.GetFileName(file)}'"))}. Name the one "
                + "to open instead of the folder.", folder),
        };
    }

    private static Checkpoint OpenFile(string file, string path)
    {
        byte[] head;
        using (var opened = CheckpointFile.Open(file))
        {
            head = opened.ReadHead(HeadBytes);
        }

        if (head.AsSpan().StartsWith("version https://git-lfs"u8))
        {
            throw new CheckpointException(
                $"The file '{file}' is a pointer of Git LFS, not the weights themselves. Run 'git lfs pull' in its " +
                "repository.", file);
        }

        var format = All.FirstOrDefault(row => row.Recognizes(head))
            ?? All.FirstOrDefault(row => row.Claims(Path.GetFileName(file)));
        return format?.Open(file, path) ?? throw new CheckpointException(
            $"The file '{file}' is of no known checkpoint format; its first bytes are " +
            $"'{Convert.ToHexString(head.AsSpan(0, Math.Min(head.Length, 8)))}'. Expected one of " +
            $"{string.Join(", ", All.Select(row => row.Name).Distinct())}.", file);
    }
}
