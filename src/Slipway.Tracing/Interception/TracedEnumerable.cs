using System.Collections;

namespace Slipway.Tracing.Interception;

/// <summary>Makes iterators of a module's own run as copies while the framework consumes them.</summary>
internal static class TracedEnumerable
{
    /// <summary>Wraps a sequence; one whose iterator is the framework's stays as it is.</summary>
    public static IEnumerable Wrap(IEnumerable items, Interceptor interceptor)
    {
        var type = items.GetType();
        if (CallPolicy.IsFramework(type.Assembly) || type.IsValueType || !typeof(IEnumerator).IsAssignableFrom(type))
        {
            return items;
        }

        var face = type.GetInterfaces().FirstOrDefault(
            item => item.IsGenericType && item.GetGenericTypeDefinition() == typeof(IEnumerable<>));
        return face is null ? items : (IEnumerable)Activator.CreateInstance(
            typeof(TracedEnumerable<>).MakeGenericType(face.GetGenericArguments()), items, interceptor)!;
    }
}

/// <summary>A sequence whose iterator goes on by the copy of its method.</summary>
internal sealed class TracedEnumerable<T>(IEnumerable<T> items, Interceptor interceptor) : IEnumerable<T>
{
    public IEnumerator<T> GetEnumerator()
    {
        using var iterator = items.GetEnumerator();
        var next = interceptor.MoveNext(iterator) ?? iterator.MoveNext;
        while (next())
        {
            yield return iterator.Current;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
