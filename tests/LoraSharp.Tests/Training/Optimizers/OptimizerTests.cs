using LoraSharp.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training.Optimizers;

public class OptimizerTests
{
    private const int Large = 300_001;

    [Fact]
    public void One_pass_over_large_parameters_equals_the_operators_at_any_number_of_threads()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor start = randn(Large, generator: generator);
        Tensor gradient = randn(Large, generator: generator);
        int threads = get_num_threads();
        try
        {
            float[] Stepped(int count, ScalarType type)
            {
                set_num_threads(count);
                Tensor parameter = start.to(type).clone().requires_grad_();
                using IOptimizer optimizer = OptimizerFactory.Create(OptimizerType.AdamW, [new ParameterGroup([new NamedParameter("p", parameter)], 1e-2, 0.1)]);
                for (int step = 0; step < 3; step++)
                {
                    parameter.grad = gradient.to(type).clone();
                    optimizer.Step();
                }

                return [.. parameter.detach().to(ScalarType.Float32).data<float>()];
            }

            float[] one = Stepped(1, ScalarType.Float32);
            Assert.Equal(one, Stepped(3, ScalarType.Float32));

            // float64 takes the way of tensor operators.
            float[] operators = Stepped(1, ScalarType.Float64);
            Assert.All(one.Zip(operators), pair => Assert.Equal(pair.Second, pair.First, 2e-6f));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void A_transposed_gradient_is_read_by_its_strides()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = arange(6, ScalarType.Float32).reshape(3, 2);
        Tensor Stepped(Tensor gradient)
        {
            Tensor parameter = ones(2, 3).requires_grad_();
            using IOptimizer optimizer = OptimizerFactory.Create(OptimizerType.AdamW, [new ParameterGroup([new NamedParameter("p", parameter)], 0.1)]);
            parameter.grad = gradient;
            optimizer.Step();
            parameter.grad = gradient.neg();
            optimizer.Step();
            return parameter.detach();
        }

        Assert.True(Stepped(values.t()).eq(Stepped(values.t().contiguous())).all().item<bool>());
    }

    [Fact]
    public void A_module_is_divided_into_decaying_parameters_and_others()
    {
        using nn.Module<Tensor, Tensor> model = nn.Sequential(("dense", nn.Linear(2, 2)), ("ln", nn.LayerNorm(2)), ("frozen", nn.Linear(2, 2)));
        foreach ((_, TorchSharp.Modules.Parameter parameter) in model.named_parameters().Where(entry => entry.name.StartsWith("frozen.", StringComparison.Ordinal)))
        {
            parameter.requires_grad = false;
        }

        IReadOnlyList<ParameterGroup> groups = ParameterGroup.ForModule(model, 1e-3, 0.1);
        Assert.Equal(["dense.weight"], groups[0].Parameters.Select(p => p.Name));
        Assert.Equal(["dense.bias", "ln.weight", "ln.bias"], groups[1].Parameters.Select(p => p.Name));
        Assert.Equal([0.1, 0], groups.Select(group => group.WeightDecay));
    }

    [Fact]
    public void A_state_that_does_not_fit_changes_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        IOptimizer Make(int length, string name, OptimizerOptions? options = null)
        {
            Tensor parameter = ones(length).requires_grad_();
            parameter.grad = ones(length);
            return OptimizerFactory.Create(OptimizerType.AdamW, [new ParameterGroup([new NamedParameter(name, parameter)], 0.1)], options);
        }

        using IOptimizer source = Make(3, "p");
        source.Step();
        IReadOnlyDictionary<string, Tensor> state = source.StateTensors();
        Assert.Equal(["exp_avg.p", "exp_avg_sq.p", "step.p"], state.Keys.Order(StringComparer.Ordinal));

        void Refused(IOptimizer target, string message)
        {
            target.Step();
            Assert.Contains(message, Assert.Throws<InvalidDataException>(() => target.LoadState(state)).Message, StringComparison.Ordinal);
            Assert.Equal(1, target.StateTensors().First(entry => entry.Key.StartsWith("step.", StringComparison.Ordinal)).Value.ToInt64());
            target.Dispose();
        }

        Refused(Make(4, "p"), "has the shape [3], this model needs [4]");
        Refused(Make(3, "q"), "holds 'step.p'");
        Refused(Make(3, "p", new OptimizerOptions { AmsGrad = true }), "lacks 'max_exp_avg_sq.p'");
    }

    [Fact]
    public void Stepping_without_any_gradient_does_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor parameter = ones(2).requires_grad_();
        using IOptimizer optimizer = OptimizerFactory.Create(OptimizerType.AdamW, [new ParameterGroup([new NamedParameter("p", parameter)], 0.1, 0.5)]);
        optimizer.Step();
        Assert.Empty(optimizer.StateTensors());
        Assert.Equal(1f, parameter[0].item<float>());
        Assert.Equal(0, GradientClipping.Clip(optimizer.Groups, 1));
    }

    [Fact]
    public void Tensors_of_the_state_outlive_the_scope_of_the_step()
    {
        Tensor parameter = ones(2).requires_grad_();
        using IOptimizer optimizer = OptimizerFactory.Create(OptimizerType.Lion, [new ParameterGroup([new NamedParameter("p", parameter)], 0.1)]);
        for (int i = 0; i < 2; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            parameter.grad = ones(2);
            optimizer.Step();
        }

        Assert.Equal(2, optimizer.StateTensors()["step.p"].ToInt64());
        Assert.Equal(0.0199f, optimizer.StateTensors()["exp_avg.p"][0].item<float>(), 1e-7f);
    }

    [Fact]
    public void Options_and_names_are_checked_before_anything_is_made()
    {
        ParameterGroup[] groups = [new([], 0.1)];
        Assert.Contains("Sgd has no option Beta1", Refused(OptimizerType.Sgd, new() { Beta1 = 0.9 }), StringComparison.Ordinal);
        Assert.Contains("Beta2 (1)", Refused(OptimizerType.AdamW, new() { Beta2 = 1 }), StringComparison.Ordinal);
        Assert.Contains("Nesterov needs", Refused(OptimizerType.Sgd, new() { Nesterov = true }), StringComparison.Ordinal);
        Assert.Contains("WarmupInit needs", Refused(OptimizerType.Adafactor, new() { WarmupInit = true }), StringComparison.Ordinal);
        Assert.Contains("paged_adamw_32bit", Assert.Throws<ArgumentException>(() => OptimizerFactory.Parse("adam9")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParameterGroup([], 0.1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientClipping.Clip(groups, double.NaN));
        using Tensor p = ones(1);
        Assert.Throws<ArgumentException>(
            () => OptimizerFactory.Create(OptimizerType.Sgd, [new ParameterGroup([new NamedParameter("p", p), new NamedParameter("p", p)], 0.1)]));

        string Refused(OptimizerType type, OptimizerOptions options) =>
            Assert.Throws<ArgumentException>(() => OptimizerFactory.Create(type, groups, options)).Message;
    }
}
