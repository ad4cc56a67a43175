using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Prompts;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.PTuning;

/// <summary>P-tuning.</summary>
internal sealed class PTuningMethod : PromptMethod
{
    public static PTuningMethod Instance { get; } = new();

    public override string PeftType => "P_TUNING";

    public override AdapterConfig Read(ConfigReader json) => PromptConfig.Read(json, new PTuningConfig
    {
        Encoder = json.Text("encoder_reparameterization_type", "MLP") switch
        {
            "MLP" => PTuningEncoder.Mlp,
            "LSTM" => PTuningEncoder.Lstm,
            string other => throw json.Error("encoder_reparameterization_type", other, "MLP or LSTM"),
        },
        EncoderHiddenSize = json.Has("encoder_hidden_size") ? json.Integer("encoder_hidden_size", 0) : null,
        EncoderLayers = json.Integer("encoder_num_layers", 2),
        EncoderDropout = json.Number("encoder_dropout", 0),
    });

    public override void Write(AdapterConfig config, ConfigWriter json)
    {
        var prompt = (PTuningConfig)config;
        prompt.Write(json);
        json.Set("encoder_reparameterization_type", prompt.Encoder == PTuningEncoder.Lstm ? "LSTM" : "MLP");
        json.Set("encoder_hidden_size", prompt.EncoderHiddenSize);
        json.Set("encoder_num_layers", prompt.EncoderLayers);
        json.Set("encoder_dropout", ConfigWriter.Float(prompt.EncoderDropout));
    }

    public override PromptConfig Complete(PromptConfig config, TransformerConfig model)
    {
        var prompt = (PTuningConfig)base.Complete(config, model);
        return prompt with { EncoderHiddenSize = prompt.EncoderHiddenSize ?? prompt.TokenDim };
    }

    public override PromptEncoder Encoder(PromptConfig config, CausalLM model)
    {
        var prompt = (PTuningConfig)config;
        int size = prompt.TokenDim, hidden = prompt.EncoderHiddenSize!.Value;
        Tensor table = randn(prompt.VirtualTokens, size);
        const string Head = "mlp_head";
        return prompt.Encoder == PTuningEncoder.Mlp
            ? new PromptEncoder(table, (Head, nn.Sequential(
                ("0", nn.Linear(size, hidden)), ("1", nn.ReLU()), ("2", nn.Linear(hidden, hidden)), ("3", nn.ReLU()), ("4", nn.Linear(hidden, size)))))
            : new PromptEncoder(
                table,
                ("lstm_head", new BidirectionalLstm(size, hidden, prompt.EncoderLayers, prompt.EncoderDropout)),
                (Head, nn.Sequential(("0", nn.Linear(2 * hidden, 2 * hidden)), ("1", nn.ReLU()), ("2", nn.Linear(2 * hidden, size)))));
    }
}
