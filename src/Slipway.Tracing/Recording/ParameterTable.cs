using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Knows a module's parameters and buffers by the memory that they are stored in.</summary>
/// <remarks>Native modules hand out another object for the same parameter each time.</remarks>
internal sealed class ParameterTable
{
    private readonly Dictionary<nint, List<(string Name, torch.Tensor Tensor)>> _byStorage = [];
    private readonly HashSet<string> _buffers;

    public ParameterTable(torch.nn.Module module)
    {
        _buffers = [.. module.named_buffers().Select(item => item.name)];
        foreach (var (name, tensor) in module.named_parameters()
            .Select(item => (item.name, (torch.Tensor)item.parameter))
            .Concat(module.named_buffers().Select(item => (item.name, item.buffer))))
        {
            if (tensor is null || tensor.IsInvalid || TensorMemory.Storage(tensor) == 0)
            {
                continue;
            }

            var storage = TensorMemory.Storage(tensor);
            if (!_byStorage.TryGetValue(storage, out var views))
            {
                _byStorage.Add(storage, views = []);
            }

            if (!views.Exists(view => TensorMemory.IsSameView(view.Tensor, tensor)))
            {
                views.Add((name, TensorMemory.Hold(tensor)));
            }

            Bytes += tensor.numel() * tensor.element_size();
        }
    }

    /// <summary>The size of all parameters and buffers.</summary>
    public long Bytes { get; }

    /// <summary>The parameters and buffers, one of each memory.</summary>
    public IEnumerable<(string Name, torch.Tensor Tensor)> All => _byStorage.Values.SelectMany(views => views);

    /// <summary>Tells whether a name is that of a buffer: a table or a mask, which several layers may hold alike.
    /// </summary>
    public bool IsBuffer(string name) => _buffers.Contains(name);

    /// <summary>Finds the parameter that a tensor is; null where it is none.</summary>
    public (string Name, torch.Tensor Tensor)? Find(torch.Tensor tensor)
    {
        if (_byStorage.TryGetValue(TensorMemory.Storage(tensor), out var views))
        {
            foreach (var view in views)
            {
                if (TensorMemory.IsSameView(view.Tensor, tensor))
                {
                    return view;
                }
            }
        }

        return null;
    }

    /// <summary>The name of a parameter in whose memory a tensor lies; null where there is none.</summary>
    public string? Owner(torch.Tensor tensor)
        => _byStorage.TryGetValue(TensorMemory.Storage(tensor), out var views) ? views[0].Name : null;
}
