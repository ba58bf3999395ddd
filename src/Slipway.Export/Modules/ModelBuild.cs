using Slipway.Export.Configuration;
using Slipway.Export.Weights;

namespace Slipway.Export.Modules;

/// <summary>What all modules of a model that is being exported share.</summary>
internal sealed class ModelBuild(
    ConfigReader config, TensorSource tensors, WeightWriter writer, WeightFormat format, WeightFormat tableFormat,
    int contextLength)
{
    private readonly Dictionary<string, StoredMatrix> _stored = new(StringComparer.Ordinal);

    public ConfigReader Config => config;

    public TensorSource Tensors => tensors;

    public WeightWriter Writer => writer;

    /// <summary>The longest sequence in tokens.</summary>
    public int ContextLength => contextLength;

    /// <summary>A matrix in the package, written when it is first asked for.</summary>
    public StoredMatrix Store(string name, Func<Weight> read) => Store(name, format, read);

    /// <summary>A table in the package, in the matrices' format where that can be looked up.</summary>
    public StoredMatrix StoreTable(string name, int columns, Func<Weight> read) =>
        format.CanGather(columns) ? Store(name, format, read) : tableFormat.Write(writer, $"{name}.table", read());

    private StoredMatrix Store(string name, WeightFormat chosen, Func<Weight> read)
    {
        if (!_stored.TryGetValue(name, out StoredMatrix? matrix))
        {
            matrix = chosen.Write(writer, name, read());
            _stored.Add(name, matrix);
        }

        return matrix;
    }
}
