using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Holds the rotary tables of a model's layers; layers with the same parameters share one.</summary>
internal sealed class RotaryTables : IDisposable
{
    private readonly RotaryEmbedding?[] _layers;

    public RotaryTables(ModelConfig config)
    {
        var tables = new Dictionary<string, RotaryEmbedding>(StringComparer.Ordinal);
        _layers = new RotaryEmbedding?[config.NumHiddenLayers];
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            if (config.Architecture.Rope(config, layer) is not { } rope)
            {
                continue;
            }

            if (!tables.TryGetValue(rope.Key, out var table))
            {
                table = new RotaryEmbedding(rope, config.HeadDim, config.MaxPositionEmbeddings, CPU);
                tables.Add(rope.Key, table);
            }

            _layers[layer] = table;
        }
    }

    public RotaryEmbedding? Of(int layer) => _layers[layer];

    public void Dispose()
    {
        foreach (var table in _layers.OfType<RotaryEmbedding>().Distinct())
        {
            table.Dispose();
        }
    }
}
