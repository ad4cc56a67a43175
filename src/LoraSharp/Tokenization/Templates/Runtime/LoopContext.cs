namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The variable <c>loop</c>. Items are taken one by one, so that a lazy iterable is read ahead only where the template asks for what comes.</summary>
internal sealed class LoopContext(Renderer renderer, object? iterable, int depth0, Func<object?, int, string>? recurse) : Callable
{
    private IEnumerator<object?> _items = Iteration.Of(renderer, iterable).GetEnumerator();
    private object? _after = Missing.Value;
    private object? _before = Missing.Value;
    private object? _lastChanged = Missing.Value;
    private int? _length;
    private int _index0 = -1;

    public object? Current { get; private set; } = Missing.Value;

    public int Length
    {
        get
        {
            if (_length is null && Operators.TryLength(iterable, out int length))
            {
                _length = length;
            }
            else if (_length is null)
            {
                var rest = new List<object?>();
                while (_items.MoveNext())
                {
                    rest.Add(_items.Current);
                }

                _items = rest.GetEnumerator();
                _length = rest.Count + _index0 + 1 + (ReferenceEquals(_after, Missing.Value) ? 0 : 1);
            }

            return _length!.Value;
        }
    }

    public bool MoveNext()
    {
        object? next = Peek();
        if (ReferenceEquals(next, Missing.Value))
        {
            return false;
        }

        _after = Missing.Value;
        _index0++;
        _before = Current;
        Current = next;
        return true;
    }

    /// <summary>Walking over the loop itself takes its items away and gives pairs of an item and the loop.</summary>
    public IEnumerable<object?> Rest()
    {
        while (MoveNext())
        {
            yield return new JinjaTuple([Current, this]);
        }
    }

    public override object? Call(Renderer renderer, CallArguments arguments)
    {
        object? items = LoopSignature.Bind(arguments)[0];
        return recurse is null
            ? throw Errors.Type("The loop must have the 'recursive' marker to be called recursively.")
            : renderer.AsBlockText(recurse(items, depth0 + 1));
    }

    public object? Attribute(string name) => name switch
    {
        "index" => (long)_index0 + 1,
        "index0" => (long)_index0,
        "revindex" => (long)Length - _index0,
        "revindex0" => (long)Length - _index0 - 1,
        "first" => _index0 == 0,
        "last" => ReferenceEquals(Peek(), Missing.Value),
        "length" => (long)Length,
        "depth" => (long)depth0 + 1,
        "depth0" => (long)depth0,
        "previtem" => _index0 == 0 ? new Undefined("there is no previous item") : _before,
        "nextitem" => Peek() is var next && ReferenceEquals(next, Missing.Value) ? new Undefined("there is no next item") : next,
        "cycle" => new Function("cycle", (_, arguments) => Cycle(arguments)),
        "changed" => new Function("changed", (_, arguments) => Changed(arguments)),
        _ => Missing.Value,
    };

    public override string ToString() => $"<LoopContext {_index0 + 1}/{Length}>";

    private static readonly Signature LoopSignature = new("loop", 1, "iterable");

    private object? Peek()
    {
        if (ReferenceEquals(_after, Missing.Value) && _items.MoveNext())
        {
            _after = _items.Current;
        }

        return _after;
    }

    private object? Cycle(CallArguments arguments) => arguments.Positional.Count == 0
        ? throw Errors.Type("no items for cycling given")
        : arguments.Positional[_index0 % arguments.Positional.Count];

    private object? Changed(CallArguments arguments)
    {
        var values = new JinjaTuple(arguments.Positional);
        bool isChanged = !Operators.AreEqual(_lastChanged, values);
        _lastChanged = values;
        return isChanged;
    }
}
