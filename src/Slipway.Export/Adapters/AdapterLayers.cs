using Slipway.Export.Weights;
using Slipway.Packaging;

namespace Slipway.Export.Adapters;

/// <summary>Describes the layers that take adapters, so that a running model can be given further ones.</summary>
internal static class AdapterLayers
{
    /// <summary>Describes a matrix: which of its rows are which outputs of the checkpoint's layers.</summary>
    public static PackageAdapterLayer Of(AdaptedMatrix matrix)
        => new(matrix.Layer, [.. matrix.Sources.Select(
            source => new PackageAdapterSource(source, Rows(matrix.Weight, source)))]);

    private static List<PackageAdapterRows> Rows(Weight weight, string tensor)
    {
        List<PackageAdapterRows> runs = [];
        for (var row = 0; row < weight.Rows; row++)
        {
            if (weight.SourceOf(row) is not { } source || source.Tensor != tensor)
            {
                continue;
            }

            if (runs.Count > 0 && Continue(runs[^1], row, source) is { } longer)
            {
                runs[^1] = longer;
            }
            else
            {
                runs.Add(new PackageAdapterRows(row, 1, source.Output, 1, 1, source.Scale));
            }
        }

        return runs;
    }

    // The second row of a run says its steps.
    private static PackageAdapterRows? Continue(PackageAdapterRows run, int row, RowSource source)
    {
        if (run.Count == 1)
        {
            run = run with { RowStep = row - run.Row, OutputStep = source.Output - run.Output };
        }

        return source.Scale.Equals(run.Scale) && row == run.Row + (run.Count * run.RowStep)
            && source.Output == run.Output + (run.Count * run.OutputStep)
            ? run with { Count = run.Count + 1 } : null;
    }
}
