using System.Runtime.InteropServices;
using Slipway.Export.Devices;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;

namespace Slipway.Export;

/// <summary>Gives constants of a package other values.</summary>
public static class PackageConstants
{
    private const int CopiedAtOnce = 1 << 20;

    /// <summary>Writes a package like another one, in which some constants of the decoder's graph differ.</summary>
    /// <remarks>
    /// Constants keep type and shape; all graphs that share their data file get the new values. Numbers are rounded to
    /// the constants' type.
    /// </remarks>
    /// <param name="package">The package; it stays as it is.</param>
    /// <param name="folder">The package folder to appear.</param>
    /// <param name="values">The new values in row-major order, by the constants' names.</param>
    /// <param name="overwrite">Whether a package that stands there is replaced.</param>
    /// <returns>The manifest of the new package.</returns>
    /// <exception cref="ArgumentException">
    /// A constant is not there, is no number in a data file, has another size, or a value is beyond its type.
    /// </exception>
    /// <exception cref="PackageException">The package is damaged.</exception>
    /// <exception cref="IOException">The folder cannot be written or replaced, or its disk is full.</exception>
    public static PackageManifest Replace(
        string package, string folder, IReadOnlyDictionary<string, float[]> values, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(values);
        var source = ModelPackage.Open(package);
        var model = OnnxFile.Read(source.ModelPath);
        var graph = model.Graph;
        var patches = values.Select(pair => Patch.Create(graph, pair.Key, pair.Value))
            .OrderBy(patch => patch.Place.Offset).ToLookup(patch => patch.Place.File, StringComparer.Ordinal);
        using PackageWriter writer = new(folder, overwrite);
        string[] devices = [.. source.Manifest?.Variants?.Select(variant => variant.Provider) ?? []];
        foreach (var name in source.ListFiles().Keys.Where(name =>
            name != ModelPackage.ManifestFile && !DeviceVariants.IsFile(name)))
        {
            using var from = File.OpenRead(Path.Combine(source.Path, name));
            using var to = writer.Create(name);
            Copy(from, to, patches[name]);
        }

        // The graph of GPUs has numbers of its own.
        _ = DeviceVariants.Write(graph, writer, devices, model, CancellationToken.None);
        return writer.Commit((source.Manifest ?? new PackageManifest()) with { Files = [] });
    }

    private static void Copy(Stream from, Stream to, IEnumerable<Patch> patches)
    {
        foreach (var patch in patches)
        {
            CopyUntil(from, to, patch.Place.Offset);
            to.Write(patch.Bytes);
            from.Position = patch.Place.Offset + patch.Place.Count;
        }

        from.CopyTo(to, CopiedAtOnce);
    }

    private static void CopyUntil(Stream from, Stream to, long end)
    {
        var buffer = new byte[CopiedAtOnce];
        while (from.Position < end)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(end - from.Position, buffer.Length));
            from.ReadExactly(part);
            to.Write(part);
        }
    }

    private sealed record Patch(TensorData.External Place, byte[] Bytes)
    {
        public static Patch Create(Graph graph, string name, float[] values)
        {
            var constant = graph.FindInitializer(name);
            var count = constant?.Shape.Aggregate(1L, (product, size) => product * size);
            if (constant?.Data is not TensorData.External place || count != values.Length
                || constant.Type is not (ElementType.Float32 or ElementType.Float16))
            {
                throw new ArgumentException(
                    $"The graph '{graph.Name}' has no constant '{name}' of {values.Length} numbers in a data file. "
                    + "Give values for constants that it has.", nameof(name));
            }

            return new Patch(place, constant.Type == ElementType.Float32
                ? MemoryMarshal.AsBytes<float>(values).ToArray()
                : MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => Rounded(name, value))).ToArray());
        }

        private static Half Rounded(string name, float value) => Half.IsFinite((Half)value) ? (Half)value
            : throw new ArgumentException(
                $"The value {value} is beyond half precision, in which '{name}' is stored.", nameof(value));
    }
}
