//! Which layers the connections of a listener have.

use crate::layers::Layers;
use crate::proxy::ProxyOptions;
use crate::stream::Stream;

/// Which layers the connections of a listener have. All event loops share it.
#[derive(Debug, Default)]
pub struct Setup {
    /// The PROXY protocol, below everything else.
    pub proxy: Option<ProxyOptions>,
}

impl Setup {
    /// Puts the layers onto a bare stream that was accepted.
    pub fn wrap(&self, stream: Stream) -> Stream {
        if self.proxy.is_none() {
            return stream;
        }
        stream.with_layers(Layers::new(self.proxy))
    }
}
