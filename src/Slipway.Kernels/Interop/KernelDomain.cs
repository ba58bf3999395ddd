using Slipway.Kernels.Memory;
using Slipway.Kernels.Threading;
using Slipway.Packaging.Kernels;

namespace Slipway.Kernels.Interop;

/// <summary>
/// Holds what one session has of this library: the operators, and a share of the threads that run them.
/// </summary>
/// <remarks>
/// ONNX Runtime keeps the operators' addresses as long as the session lives, so this is freed after the session.
/// </remarks>
internal sealed unsafe class KernelDomain : IDisposable
{
    private const long ReleasedAtOnce = 4 << 20;

    private readonly nint _handle;
    private readonly List<nint> _operators = [];
    private readonly List<MemoryRange> _packed = [];
    private int _isDisposed;

    /// <param name="operators">The operators of the domain.</param>
    /// <param name="threads">Threads that compute, the session's own included.</param>
    /// <param name="spins">True if idle threads wait actively for a while.</param>
    public KernelDomain(IEnumerable<CustomOperator> operators, int threads, bool spins)
    {
        _handle = RuntimeApi.CreateCustomOpDomain(KernelContract.Domain);
        Threads = KernelThreads.Rent(threads, spins);
        foreach (var description in operators)
        {
            var native = NativeOperator.Create(description, this);
            _operators.Add((nint)native);
            RuntimeApi.AddToDomain(_handle, native);
        }
    }

    public KernelThreads Threads { get; }

    /// <summary>Lets go of pages of constants that kernels hold in another order now.</summary>
    /// <remarks>Little by little, so that no more than a part of the weights is ever resident twice.</remarks>
    public void Release(MemoryRange packed)
    {
        _packed.Add(packed);
        if (_packed.Sum(range => range.Length) >= ReleasedAtOnce)
        {
            ReleaseRest();
        }
    }

    /// <summary>Lets go of those that are left.</summary>
    public void ReleaseRest()
    {
        MappedWeights.Release(_packed);
        _packed.Clear();
    }

    /// <summary>The inputs of the graph whose slots attention kernels can leave alone.</summary>
    public HashSet<string> CacheInputs { get; } = new(StringComparer.Ordinal);

    /// <summary>Makes the operators known to a session that is opened with these options.</summary>
    public void AddTo(nint sessionOptions) => RuntimeApi.AddDomain(sessionOptions, _handle);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        RuntimeApi.ReleaseCustomOpDomain(_handle);
        foreach (var native in _operators)
        {
            NativeOperator.Free((NativeOperator*)native);
        }

        Threads.Return();
    }
}
