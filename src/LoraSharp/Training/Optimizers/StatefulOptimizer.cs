using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>
/// What all optimizers share: the walk over the parameters, a state for each by name, and arithmetic in float32 for narrower types, rounded once
/// on store.
/// </summary>
internal abstract class StatefulOptimizer : IOptimizer
{
    private const string StepKey = "step";
    private readonly Dictionary<string, ParameterState> _states = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _parameters = new(StringComparer.Ordinal);

    protected StatefulOptimizer(IReadOnlyList<ParameterGroup> groups, StateMemory? memory = null)
    {
        Memory = memory ?? new StateMemory(pageFolder: null);
        foreach (NamedParameter parameter in groups.SelectMany(group => group.Parameters))
        {
            if (!_parameters.TryAdd(parameter.Name, parameter.Value))
            {
                throw new ArgumentException($"The parameter '{parameter.Name}' occurs twice; checkpoints tell parameters by their names.", nameof(groups));
            }
        }

        Groups = groups;
    }

    public IReadOnlyList<ParameterGroup> Groups { get; }

    public string? SkippedBecause { get; private set; }

    /// <summary>Where state tensors lie.</summary>
    protected StateMemory Memory { get; }

    public bool Step()
    {
        using var noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        SkippedBecause = Objection();
        if (SkippedBecause is not null)
        {
            return false;
        }

        foreach (ParameterGroup group in Groups)
        {
            foreach (NamedParameter parameter in group.Parameters)
            {
                if (parameter.Value.grad is { } gradient)
                {
                    ParameterState state = StateOf(parameter);
                    state.Step++;
                    if (!Queue(group, parameter.Value, gradient, state))
                    {
                        StepOne(group, parameter.Value, gradient, state);
                    }
                }
            }
        }

        RunQueue();
        return true;
    }

    public void ZeroGrad()
    {
        foreach (Tensor parameter in _parameters.Values)
        {
            parameter.grad = null;
        }
    }

    public IReadOnlyDictionary<string, Tensor> StateTensors()
    {
        var all = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach ((string name, ParameterState state) in _states)
        {
            state.StepTensor ??= tensor(0L).DetachFromDisposeScope();
            state.StepTensor.fill_(state.Step);
            all.Add($"{StepKey}.{name}", state.StepTensor);
            foreach ((string key, Tensor value) in state.Tensors)
            {
                all.Add($"{key}.{name}", value);
            }
        }

        return all;
    }

    public void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var loaded = new Dictionary<string, ParameterState>(StringComparer.Ordinal);
        try
        {
            int used = 0;
            foreach ((string name, Tensor parameter) in _parameters)
            {
                if (state.TryGetValue($"{StepKey}.{name}", out Tensor? step))
                {
                    ParameterState fresh = NewState(parameter);
                    loaded.Add(name, fresh);
                    fresh.Step = step.numel() == 1 ? step.ToInt64() : throw new InvalidDataException($"The saved 'step.{name}' is not one number.");
                    CopyInto(fresh, name, state);
                    used += 1 + fresh.Tensors.Count;
                }
            }

            if (used != state.Count)
            {
                HashSet<string> known = [.. loaded.SelectMany(entry => entry.Value.Tensors.Keys.Append(StepKey).Select(key => $"{key}.{entry.Key}"))];
                string foreign = state.Keys.First(key => !known.Contains(key));
                throw new InvalidDataException(
                    $"The saved optimizer state holds '{foreign}', which {GetType().Name} has no place for; resume with the run's own optimizer and model.");
            }
        }
        catch
        {
            DisposeAll(loaded);
            throw;
        }

        DisposeAll(_states);
        foreach ((string name, ParameterState fresh) in loaded)
        {
            _states.Add(name, fresh);
        }
    }

    public void Dispose() => DisposeAll(_states);

    /// <summary>The state of a parameter that has not been stepped yet, by torch's own keys.</summary>
    protected abstract Dictionary<string, Tensor> CreateState(Tensor parameter);

    /// <summary>One step of one parameter. All tensors are at least float32 and may be changed in place.</summary>
    /// <param name="group">Its group.</param>
    /// <param name="parameter">The parameter.</param>
    /// <param name="gradient">Its gradient; a copy when it must be changed.</param>
    /// <param name="state">Its state tensors.</param>
    /// <param name="step">Its own step count, from 1.</param>
    protected abstract void Update(ParameterGroup group, Tensor parameter, Tensor gradient, IReadOnlyDictionary<string, Tensor> state, long step);

    /// <summary>Why this step must not be taken, or null.</summary>
    protected virtual string? Objection() => null;

    /// <summary>Takes a parameter into one pass over all parameters; false leaves it to <see cref="Update"/>.</summary>
    protected virtual bool Queue(ParameterGroup group, Tensor parameter, Tensor gradient, ParameterState state) => false;

    /// <summary>Steps everything that <see cref="Queue"/> took; the gradients are alive until it returns.</summary>
    protected virtual void RunQueue()
    {
    }

    /// <summary>The type that arithmetic happens in.</summary>
    protected static ScalarType Wide(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : type;

    private static void CopyInto(ParameterState fresh, string name, IReadOnlyDictionary<string, Tensor> state)
    {
        foreach ((string key, Tensor target) in fresh.Tensors)
        {
            if (!state.TryGetValue($"{key}.{name}", out Tensor? saved))
            {
                throw new InvalidDataException($"The saved optimizer state lacks '{key}.{name}'; resume with the run's own optimizer.");
            }

            if (!saved.shape.SequenceEqual(target.shape))
            {
                throw new InvalidDataException(
                    $"The saved '{key}.{name}' has the shape [{string.Join(", ", saved.shape)}], this model needs [{string.Join(", ", target.shape)}].");
            }

            if (saved.is_floating_point() != target.is_floating_point())
            {
                throw new InvalidDataException($"The saved '{key}.{name}' is {saved.dtype}, this optimizer needs {target.dtype}; resume with the run's own optimizer.");
            }

            using (no_grad())
            {
                target.copy_(saved);
            }
        }
    }

    private static void DisposeAll(Dictionary<string, ParameterState> states)
    {
        foreach (ParameterState state in states.Values)
        {
            state.Dispose();
        }

        states.Clear();
    }

    private void StepOne(ParameterGroup group, Tensor parameter, Tensor gradient, ParameterState state)
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType wide = Wide(parameter.dtype);
        Tensor value = parameter.to(wide);
        Dictionary<string, Tensor> tensors = state.Tensors.ToDictionary(entry => entry.Key, entry => entry.Value.to(Wide(entry.Value.dtype)));
        Update(group, value, gradient.to(wide), tensors, state.Step);
        Store(value, parameter);
        foreach ((string key, Tensor target) in state.Tensors)
        {
            Store(tensors[key], target);
        }
    }

    private static void Store(Tensor from, Tensor to)
    {
        // to() gave the same tensor back where the type was wide already: then it has been changed in place.
        if (from.dtype != to.dtype)
        {
            to.copy_(from);
        }
    }

    private ParameterState StateOf(NamedParameter parameter)
    {
        if (!_states.TryGetValue(parameter.Name, out ParameterState? state))
        {
            state = NewState(parameter.Value);
            _states.Add(parameter.Name, state);
        }

        return state;
    }

    private ParameterState NewState(Tensor parameter)
    {
        Dictionary<string, Tensor> tensors = CreateState(parameter);
        foreach (Tensor value in tensors.Values)
        {
            value.DetachFromDisposeScope();
        }

        return new ParameterState(tensors, Memory);
    }
}
