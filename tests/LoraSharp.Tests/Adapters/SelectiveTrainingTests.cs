using LoraSharp.Adapters;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class SelectiveTrainingTests
{
    [Fact]
    public void Parts_are_named_by_runs_of_whole_names_and_ranges()
    {
        using CausalLM model = CausalLM.Load(Folder);
        Assert.Same(model, model.Freeze());
        Assert.DoesNotContain(model.parameters(), p => p.requires_grad);
        model.Unfreeze("layers.1-30", "lm_head", "model.norm", "layers.0.mlp.up_proj");
        string[] trained = Trained(model);
        Assert.All(trained, name => Assert.True(name.StartsWith("model.layers.1.", StringComparison.Ordinal) || name is "lm_head.weight" or "model.norm.weight" or "model.layers.0.mlp.up_proj.weight", name));
        Assert.Equal(9 + 3, trained.Length);
        Assert.Same(model, model.TrainAll());
        Assert.All(model.parameters(), p => Assert.True(p.requires_grad));
    }

    [Theory]
    [InlineData("layers.9", "matches no part")]
    [InlineData("lm_haed", "lm_head")]
    [InlineData("proj", "matches no part")]
    [InlineData("layers.3-1", "which is empty")]
    [InlineData("layers..mlp", "single dots")]
    public void A_part_that_matches_nothing_is_an_error(string part, string message)
    {
        using CausalLM model = CausalLM.Load(Folder).Freeze();
        Assert.Contains(message, Assert.Throws<AdapterException>(() => model.Unfreeze("lm_head", part)).Message, StringComparison.Ordinal);
        Assert.Empty(Trained(model));
    }

    [Fact]
    public void What_is_quantised_or_under_adapters_cannot_be_trained()
    {
        using CausalLM quantized = CausalLM.Load(Folder, new LoadOptions { Quantization = QuantizationConfig.Nf4() }).Freeze();
        Assert.Contains("quantised", Assert.Throws<AdapterException>(() => quantized.Unfreeze("layers.0")).Message, StringComparison.Ordinal);
        Assert.Contains("quantised", Assert.Throws<AdapterException>(() => quantized.TrainAll()).Message, StringComparison.Ordinal);
        quantized.Unfreeze("lm_head", "norm");
        Assert.Equal(["lm_head.weight", "model.norm.weight"], Trained(quantized).Order());
        using CausalLM adapted = CausalLM.Load(Folder);
        adapted.AddLora(r: 2);
        Assert.Contains("the adapter 'default'", Assert.Throws<AdapterException>(() => adapted.TrainAll()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_users_own_network_trains_in_parts()
    {
        using nn.Module<Tensor, Tensor> network = nn.Sequential(("body", nn.Linear(4, 4)), ("head", nn.Linear(4, 2)));
        network.Freeze().Unfreeze("head");
        using Tensor loss = network.call(ones(1, 4)).sum();
        loss.backward();
        Assert.Equal(["head.bias", "head.weight"], Trained(network).Order());
        Assert.Null(((TorchSharp.Modules.Linear)network.named_children().First().module).weight!.grad);
    }

    private static string Folder => GoldenFolder.ModelFolder("llama-tiny")!;

    private static string[] Trained(nn.Module model) => [.. model.named_parameters().Where(p => p.parameter.requires_grad).Select(p => p.name)];
}
