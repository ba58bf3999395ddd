using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;

namespace Slipway.Export;

/// <summary>Quantizes the matrices of any <c>.onnx</c> graph.</summary>
/// <remarks>
/// To int8, int4 and int2 the constants that <c>MatMul</c>, <c>Gemm</c> and <c>Gather</c> read become codes in blocks,
/// in ONNX Runtime's own operators; what convolutions read, norms and biases stay. To fp16 the constants that these and
/// convolutions read are stored in half precision and widened when a session opens, in ONNX's operators. An index
/// beyond a table of codes reads zeros in ONNX Runtime, where one beyond a float table fails. Packages of language
/// models are quantized by <see cref="PackageQuantizer"/>, which also sees them run.
/// </remarks>
public static class OnnxQuantizer
{
    /// <summary>Quantizes.</summary>
    /// <param name="path">The float graph; it stays as it is.</param>
    /// <param name="output">The graph file to appear, beside the file of its weights.</param>
    /// <param name="options">How; null for int4. A method must not need to see the model run.</param>
    /// <param name="progress">Told of each part that was done.</param>
    /// <param name="cancellationToken">Stops between two parts; nothing is left behind.</param>
    /// <exception cref="OnnxException">The file is no ONNX graph.</exception>
    /// <exception cref="NotSupportedException">The graph holds no float matrices.</exception>
    /// <exception cref="ArgumentException">An option does not fit.</exception>
    /// <exception cref="IOException">
    /// The files cannot be written, there are such already, or the disk is full.
    /// </exception>
    public static OnnxQuantization Quantize(
        string path, string output, QuantizeOptions? options = null, IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentException.ThrowIfNullOrWhiteSpace(output);
        options ??= new QuantizeOptions();
        if (!options.Overwrite && File.Exists(output))
        {
            throw new IOException($"The file '{output}' exists. Name another, or set Overwrite ('--overwrite').");
        }

        QuantizationOptions.Require(options.Precision, options.Method, options.BlockSize, options.Recipe);
        var model = OnnxFile.Read(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        using GraphFiles files = new(output, hasData: true);
        using FileStream data = new(files.DataPath!, FileMode.CreateNew, FileAccess.Write);
        var (graph, matrices) = options.Precision == Precision.Float16 && options.Recipe.Count == 0
            ? HalfPrecisionGraph.Write(model.Graph, folder, data, files.DataName, cancellationToken)
            : Codes(model.Graph, path, folder, data, files.DataName, options, progress, cancellationToken);
        if (matrices.Count == 0)
        {
            throw new NotSupportedException(
                $"The graph '{path}' holds no float matrices that a product or a table reads: it is quantized already, "
                + "or has none. Name the float graph.");
        }

        Dictionary<string, long> sets = new(model.OperatorSets);
        if (graph.Nodes.Any(node => node.Domain == OnnxModel.ContribDomain))
        {
            sets[OnnxModel.ContribDomain] = 1;
        }

        OnnxFile.Write(model with { Graph = graph, OperatorSets = sets }, files.GraphPath);
        data.Dispose();
        var dataPath = files.Commit();
        return new OnnxQuantization(
            Path.GetFullPath(output), dataPath!, Bytes(model.Graph), Bytes(graph), matrices);
    }

    private static (Graph Graph, IReadOnlyDictionary<string, string> Matrices) Codes(
        Graph graph, string path, string folder, Stream data, string dataFile, QuantizeOptions options,
        IProgress<ExportProgress>? progress, CancellationToken cancellationToken)
    {
        var format = QuantizationOptions.FormatOf(
            options.Precision, options.Method, options.BlockSize, isCalibrated: false);
        RequireBlind(format.Method!);

        foreach (var rule in options.Recipe.Where(rule => rule.Format.Method is not null))
        {
            RequireBlind(rule.Format.Method!);
        }

        GraphQuantizer quantizer = new()
        {
            Graph = graph,
            Folder = folder,
            Source = path,
            Format = format,
            IsFree = options.Method is null,
            Rules = options.Recipe,
            Progress = progress,
        };
        var quantized = quantizer.Write(data, dataFile, cancellationToken);
        return (quantized, quantizer.Spent.Plan.ToDictionary(
            planned => planned.Matrix.Name, planned => planned.Format.ToString(), StringComparer.Ordinal));
    }

    private static void RequireBlind(string method)
    {
        if (QuantizationMethods.Find(method).Needs != StatisticsNeed.None)
        {
            throw new ArgumentException(
                $"The method '{method}' must see a language model run over text, which a graph alone does not tell how "
                + $"to do. Use one of {string.Join(", ", QuantizationMethods.All
                    .Where(row => row.Needs == StatisticsNeed.None).Select(row => $"'{row.Name}'"))}, or quantize the "
                + "package of a language model.");
        }
    }

    private static long Bytes(Graph graph)
        => graph.Initializers.Select(constant => constant.Data).Distinct().Sum(data => data.Length);
}

/// <summary>Report of a quantized graph.</summary>
/// <param name="Path">The graph file.</param>
/// <param name="DataPath">The file of its weights.</param>
/// <param name="BytesBefore">The size of all constants of the float graph.</param>
/// <param name="BytesAfter">The size of all constants now.</param>
/// <param name="Matrices">The format of each matrix that was quantized, by name.</param>
public sealed record OnnxQuantization(
    string Path, string DataPath, long BytesBefore, long BytesAfter, IReadOnlyDictionary<string, string> Matrices);
